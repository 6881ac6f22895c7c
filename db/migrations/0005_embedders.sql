-- Several embedding models side by side: each document says which of them hold a vector for every one of its published chunks.

alter table documents add column embedded smallint[] not null default '{}';

-- why a person's last document could not be given a model's vectors; gone once one could
create table embedding_errors (
    subject text not null default current_subject(),
    model   text not null,
    error   text not null,                       -- the sentence a person reads
    primary key (subject, model)
);
alter table embedding_errors enable row level security;
alter table embedding_errors force row level security;
create policy own on embedding_errors using (subject = (select current_subject()));

-- What is published already. Row-level security binds the owner, who fills this in for everyone: it steps aside until the end of the file.
alter table documents no force row level security;
alter table vectors no force row level security;
update documents d set embedded = array(select distinct v.model_id from vectors v where v.document_id = d.id) where n_chunks > 0;
alter table documents force row level security;
alter table vectors force row level security;

-- Whose documents there are, so that a worker can look after everyone's: names and nothing else. The policy lets rows through only while the
-- function runs, which sets the parameter for that time.
create policy listing on memberships for select using (current_setting('situate.listing', true) = 'on');
create function subjects() returns setof text language plpgsql as $$
begin
    perform set_config('situate.listing', 'on', true);
    return query select distinct m.owner from memberships m order by 1;
    perform set_config('situate.listing', 'off', true);
end $$;

-- A model that no vector belongs to goes, and its index with it. SECURITY DEFINER, as for add_embedding_model.
create function drop_embedding_model(model smallint) returns void
language plpgsql security definer set search_path from current as $$
begin
    perform pg_advisory_xact_lock(hashtext('situate.embedding_models'));
    delete from embedding_models where id = model;
    execute format('drop index if exists vectors_hnsw_%s', model);
end $$;
