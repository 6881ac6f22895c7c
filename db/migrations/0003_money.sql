-- Money: what calls cost, consents by model, and what situating a document is expected to cost.

-- a price is kept as it was on the day; null: the price list did not know the model
alter table usage
    add column cache_write_1h_tokens bigint not null default 0, -- of cache_write_tokens
    add column search_units bigint not null default 0,
    add column price numeric,                                   -- US dollars
    add column saved_by_cache numeric not null default 0,
    add column saved_by_batch numeric not null default 0;
create index on usage (subject, at);

-- Consents given so far named a recipient, neither a model nor a price, and cannot say which models they were given for: asked again.
truncate consents;
alter table consents drop constraint consents_pkey;
alter table consents
    add column model text not null,
    add column purpose text not null check (purpose in ('answer', 'embed', 'rerank', 'situate')),
    add primary key (subject, recipient, model, purpose);

-- about what situating a document will be billed for, before it is sent
create table estimates (
    collection_id      bigint not null,
    document_id        bigint not null references documents on delete cascade,
    situator           text not null,          -- model and prompt version, as in contexts
    calls              bigint not null,
    input_tokens       bigint not null,
    output_tokens      bigint not null,
    cache_write_tokens bigint not null,
    cache_read_tokens  bigint not null,
    held_at            timestamptz,            -- past the limit: it waits, un-sent, for a person's yes to its price
    cleared_at         timestamptz,            -- it may be sent: within the limit, or a person said yes
    agreed             boolean not null default false, -- a person did
    primary key (document_id, situator)
);
alter table estimates enable row level security;
alter table estimates force row level security;
create policy reads on estimates for select using (collection_id = any (array(
    select m.collection_id from memberships m where m.subject = (select current_subject()))));
create policy writes on estimates for all using (collection_id = any (array(
    select m.collection_id from memberships m where m.subject = (select current_subject()) and m.role <> 'reader')));
