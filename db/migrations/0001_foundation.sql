-- Everything Situate keeps: files, pages, chunks, vectors, postings, conversations. Row-level security is FORCEd on every table with people's
-- data, so it binds the owner too. The subject is set per transaction (db.as_subject); without one no row is visible.

create function current_subject() returns text stable parallel safe language sql
return nullif(current_setting('situate.subject', true), '');

create table collections (
    id         bigint generated always as identity primary key,
    owner      text not null default current_subject(),
    name       text not null check (length(name) between 1 and 200),
    created_at timestamptz not null default now(),
    unique (owner, name),
    unique (id, owner)
);

-- owner stands here too, so that the policy needs no look at collections (which looks here), and the foreign key proves it true
create table memberships (
    collection_id bigint not null,
    owner         text not null default current_subject(),
    subject       text not null,
    role          text not null check (role in ('owner', 'editor', 'reader')),
    primary key (collection_id, subject),
    foreign key (collection_id, owner) references collections (id, owner) on delete cascade
);
create index on memberships (subject);

create table documents (
    id            bigint generated always as identity primary key,
    collection_id bigint not null references collections on delete cascade,
    uploaded_by   text not null default current_subject(),
    sha256        bytea not null,
    filename      text not null,
    size          bigint not null,
    version       int not null default 1,
    replaces      bigint references documents on delete set null,
    title         text not null default '',
    language      text not null default '',
    page_count    int not null default 0,
    status        text not null default 'queued' check (status in ('queued', 'working', 'ready', 'failed', 'superseded')),
    stage         text not null default '',      -- reading, embedding, publishing; situating goes on while status is ready
    done          int not null default 0,        -- of the stage's units
    total         int not null default 0,
    stage_started timestamptz,
    error         text not null default '',      -- the sentence a person reads
    note          text not null default '',      -- ready, with something to know
    seconds       real not null default 0,       -- spent on it until it was published
    n_chunks      int not null default 0,        -- published chunks and their length in BM25 terms: the only statistics stored
    total_len     bigint not null default 0,
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    unique (collection_id, sha256)
);

create table files (
    collection_id bigint not null,
    document_id   bigint not null references documents on delete cascade,
    part          int not null,
    content       bytea not null,
    primary key (document_id, part)
);
alter table files alter content set storage external; -- PDF streams are compressed already

create table pages (
    collection_id bigint not null,
    document_id   bigint not null references documents on delete cascade,
    number        int not null,
    label         text not null default '',
    width         real not null,                 -- PDF points, as displayed
    height        real not null,
    source        text not null check (source in ('text', 'ocr', 'none')),
    note          text not null default '',
    primary key (document_id, number)
);

create table chunks (
    collection_id bigint not null,
    document_id   bigint not null references documents on delete cascade,
    ord           int not null,
    heading       text not null,                 -- section path
    text          text not null,
    context       text not null,                 -- what is indexed with it now
    context_by    text not null,                 -- 'structural', or the model and prompt version
    structural    text not null,                 -- the context it falls back to
    first_page    int not null,
    last_page     int not null,
    sentences     jsonb not null,                -- [[start, end, [[page, x0, y0, x1, y1], ...]], ...]
    words         tsvector not null,             -- surface words at their positions: decides "quoted phrases"
    primary key (collection_id, document_id, ord)
);
create index on chunks (document_id);

-- contexts written by a model, as they arrive; one later transaction puts them into chunks, vectors and postings
create table contexts (
    collection_id bigint not null,
    document_id   bigint not null references documents on delete cascade,
    ord           int not null,
    situator      text not null,                 -- model and prompt version
    text          text not null default '',
    error         text not null default '',
    primary key (document_id, situator, ord)
);

create table embedding_models (
    id         smallint generated always as identity primary key,
    name       text not null unique,
    dimensions int not null
);

-- embeddings computed and not published yet: a crash repeats only the batch in flight
create table vector_drafts (
    collection_id bigint not null,
    document_id   bigint not null references documents on delete cascade,
    model_id      smallint not null references embedding_models,
    ord           int not null,
    key           bytea not null,                -- digest of the text embedded
    vec           halfvec not null,
    primary key (document_id, model_id, ord)
);

create table vectors (
    model_id      smallint not null references embedding_models,
    collection_id bigint not null,
    document_id   bigint not null references documents on delete cascade,
    ord           int not null,
    vec           halfvec not null,
    primary key (model_id, collection_id, document_id, ord)
);
alter table vectors alter vec set storage plain;
create index on vectors (document_id);

-- one row per term and document; ps holds one int8 per chunk: ord << 40 | tf << 20 | length of the chunk in terms
create table postings (
    term          text collate "C" not null,
    collection_id bigint not null,
    document_id   bigint not null references documents on delete cascade,
    n             int not null,
    ps            bigint[] not null,
    primary key (term, collection_id, document_id)
);
create index on postings (document_id);

-- An embedding model's vectors get a partial HNSW index of their own. SECURITY DEFINER: a plain role cannot create an index.
create function add_embedding_model(model text, size int) returns smallint
language plpgsql security definer set search_path from current as $$
declare
    found_id smallint;
begin
    perform pg_advisory_xact_lock(hashtext('situate.embedding_models'));
    select id into found_id from embedding_models where name = model;
    if found_id is null then
        insert into embedding_models (name, dimensions) values (model, size) returning id into found_id;
        execute format('create index vectors_hnsw_%s on vectors using hnsw ((vec::halfvec(%s)) halfvec_cosine_ops) '
                       'with (m = 16, ef_construction = 64) where model_id = %s', found_id, size, found_id);
    end if;
    return found_id;
end $$;

create table conversations (
    id         bigint generated always as identity primary key,
    subject    text not null default current_subject(),
    title      text not null default '',
    selection  jsonb not null default '{}',      -- {"collections": [...], "documents": [...]}; absent means all
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index on conversations (subject, updated_at desc);

create table messages (
    id              bigint generated always as identity primary key,
    subject         text not null default current_subject(),
    conversation_id bigint not null references conversations on delete cascade,
    question        text not null,
    state           text not null default 'searching'
                    check (state in ('searching', 'answering', 'done', 'failed', 'stopped')),
    parts           jsonb not null default '[]', -- the answer: [[text, [citation numbers], cited], ...]
    abstained       boolean not null default false,
    model           text not null default '',
    is_extract      boolean not null default false,
    dropped         int not null default 0,      -- citations that did not stand in the stored text
    notes           jsonb not null default '[]', -- such as: the reranker did not answer, so the fused order was used
    error           text not null default '',
    created_at      timestamptz not null default now(),
    beat_at         timestamptz not null default now() -- of its producer; stale while unfinished means interrupted
);
create index on messages (conversation_id, id);

-- a citation keeps its quote, page and file name, so an old answer stays readable after its document is deleted
create table citations (
    subject     text not null default current_subject(),
    message_id  bigint not null references messages on delete cascade,
    number      int not null,
    document_id bigint references documents on delete set null,
    filename    text not null,
    ord         int not null,
    page        int not null,
    quote       text not null,
    boxes       jsonb not null,                  -- [[page, x0, y0, x1, y1], ...]
    primary key (message_id, number)
);
create index on citations (document_id);

create table traces (
    subject    text not null default current_subject(),
    message_id bigint primary key references messages on delete cascade,
    trace      jsonb not null
);

create table feedback (
    subject    text not null default current_subject(),
    message_id bigint primary key references messages on delete cascade,
    good       boolean not null,
    reason     text not null default '',
    created_at timestamptz not null default now()
);

create table usage (
    id                 bigint generated always as identity primary key,
    subject            text not null default current_subject(),
    at                 timestamptz not null default now(),
    purpose            text not null,            -- situate, answer, rerank
    model              text not null,
    document_id        bigint references documents on delete set null,
    message_id         bigint references messages on delete set null,
    input_tokens       bigint not null default 0,
    output_tokens      bigint not null default 0,
    cache_write_tokens bigint not null default 0,
    cache_read_tokens  bigint not null default 0
);
create index on usage (document_id);
create index on usage (message_id);

-- to whom a person has agreed that text is sent
create table consents (
    subject    text not null default current_subject(),
    recipient  text not null,
    granted_at timestamptz not null default now(),
    primary key (subject, recipient)
);

do $$
declare
    t text;
begin
    foreach t in array array['documents', 'files', 'pages', 'chunks', 'contexts', 'vector_drafts', 'vectors', 'postings'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy reads on %I for select using (collection_id = any (array('
                       'select m.collection_id from memberships m where m.subject = (select current_subject()))))', t);
        execute format('create policy writes on %I for all using (collection_id = any (array('
                       'select m.collection_id from memberships m where m.subject = (select current_subject()) and m.role <> ''reader'')))', t);
    end loop;
    foreach t in array array['conversations', 'messages', 'citations', 'traces', 'feedback', 'usage', 'consents'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy own on %I using (subject = (select current_subject()))', t);
    end loop;
    foreach t in array array['collections', 'memberships'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
    end loop;
end $$;

create policy own on memberships using (owner = (select current_subject()));
create policy mine on memberships for select using (subject = (select current_subject()));
create policy own on collections using (owner = (select current_subject()));
create policy member on collections for select using (id = any (array(
    select m.collection_id from memberships m where m.subject = (select current_subject()))));
