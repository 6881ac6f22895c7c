-- Situating: the state of each chunk, the summary of a long document, batches under way; and what a published vector was computed from.

alter table contexts
    add column attempts int not null default 0,        -- calls that were answered, and paid, without a usable text
    add column final    boolean not null default false;  -- the error stays: asking again will not help

-- what stands for the rest of a long document in each of its windows, made once
create table summaries (
    collection_id bigint not null,
    document_id   bigint not null references documents on delete cascade,
    situator      text not null,                 -- model and prompt version
    text          text not null,
    attempts      int not null default 0,        -- as above; text is empty meanwhile
    primary key (document_id, situator)
);

-- a batch is noted before it is submitted and its answer after, so that a crash in between is known and nothing is submitted twice
create table batches (
    id            bigint generated always as identity primary key,
    collection_id bigint not null,
    document_id   bigint not null references documents on delete cascade,
    situator      text not null,
    token         text not null unique,          -- begins the custom_id of each of its requests
    remote        text not null default '',      -- the provider's id; empty while it is not known whether it was taken
    requests      int not null,
    ords          int[] not null,                -- chunks whose results are not stored yet
    noted_at      timestamptz not null default now()
);
create index on batches (document_id);

alter table usage add column if not exists batch boolean not null default false; -- billed at the price of a batch

alter table vectors add column key bytea; -- digest of the text embedded, as in vector_drafts; null: unknown

alter table documents
    add column situator   text not null default '',    -- model and prompt version that situates it, or did last
    add column situating  text not null default '' check (situating in ('', 'working', 'waiting', 'batched', 'ended')),
    add column situated   int not null default 0,      -- its chunks that have a context by that model
    add column unsituated text not null default '';    -- why the others wait or have none: a sentence

do $$
declare
    t text;
begin
    foreach t in array array['summaries', 'batches'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy reads on %I for select using (collection_id = any (array('
                       'select m.collection_id from memberships m where m.subject = (select current_subject()))))', t);
        execute format('create policy writes on %I for all using (collection_id = any (array('
                       'select m.collection_id from memberships m where m.subject = (select current_subject()) and m.role <> ''reader'')))', t);
    end loop;
end $$;
