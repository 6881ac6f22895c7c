-- What earlier migrations left undone.

-- 0003 was changed after databases had been given it. Their estimates get the columns it has made since; what a person agreed to stays agreed.

do $$
begin
    if exists (select from pg_attribute where attrelid = 'estimates'::regclass and attname = 'agreed_at' and not attisdropped) then
        alter table estimates
            add column cleared_at timestamptz,
            add column agreed boolean not null default false,
            no force row level security; -- a migration has no subject: forced, it would see no row
        update estimates set cleared_at = agreed_at, agreed = true where agreed_at is not null;
        alter table estimates drop column agreed_at, force row level security;
    end if;
end $$;

-- 0002 let documents say which model situated them, and told it of none that was situated before.
alter table documents no force row level security;
alter table chunks no force row level security;
alter table contexts no force row level security;
update documents d set situator = c.context_by, situated = c.n, situating = 'ended', unsituated = case when c.n = d.n_chunks then '' else coalesce(
    (select max(error) from contexts x where x.document_id = d.id and x.situator = c.context_by), '') end
from (select document_id, context_by, count(*) n from chunks where context_by <> 'structural' group by 1, 2) c
where c.document_id = d.id and d.situator = '' and d.situating = '';
alter table documents force row level security;
alter table chunks force row level security;
alter table contexts force row level security;
