-- Ingestion: pages kept as they are read, attempts bounded, pausing, what a page's text came from, and versions of a document.

-- Documents of one lineage are the versions of one: at most one is ready, the one published last. (0001's `replaces` named only the one before.)
alter table documents
    drop column replaces,
    drop constraint documents_collection_id_sha256_key,
    drop constraint documents_status_check,
    add constraint documents_status_check check (status in ('queued', 'working', 'paused', 'ready', 'failed', 'superseded')),
    add column lineage        bigint,                         -- the id of the first version
    add column attempts       int not null default 0,        -- times a worker took it up since something of it was stored last
    add column needs_password boolean not null default false, -- failed for want of one; the page asks
    add column seconds_by_stage jsonb not null default '{}';   -- {"reading": 1.2, ...}: of work, by stage
alter table documents no force row level security; -- a migration has no subject: forced, it would see no row
update documents set lineage = id;
alter table documents force row level security, alter lineage set not null;
create unique index on documents (lineage, version);
-- the same bytes once, but for superseded versions: going back to an earlier file is a new version
create unique index on documents (collection_id, sha256) where status <> 'superseded';
create index on documents (collection_id, filename);

-- what a person should know of a page before trusting answers from it
alter table pages
    add column turned     int not null default 0 check (turned in (0, 90, 180, 270)), -- degrees clockwise that bring its text upright
    add column confidence real,                              -- of text recognition, 0 to 1; null where the file itself held the text
    add column marks      text[] not null default '{}';      -- of: empty, garbled, rotated, unreadable, doubtful

-- pages read and not cut into chunks yet: a crash repeats only the page in flight
create table page_drafts (
    collection_id bigint not null,
    document_id   bigint not null references documents on delete cascade,
    number        int not null,
    draft         bytea not null,                -- the page and its words, as rag.pdf packs them
    primary key (document_id, number)
);
alter table page_drafts alter draft set storage external; -- packed already
alter table page_drafts enable row level security;
alter table page_drafts force row level security;
create policy reads on page_drafts for select using (collection_id = any (array(
    select m.collection_id from memberships m where m.subject = (select current_subject()))));
create policy writes on page_drafts for all using (collection_id = any (array(
    select m.collection_id from memberships m where m.subject = (select current_subject()) and m.role <> 'reader')));
