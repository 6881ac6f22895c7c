-- Versions, names and moves: what must always be true of them is kept by the database, whoever writes at the same time.

-- A name belongs to one document of its collection, whose first version stands for all. Files of one name and different bytes were
-- documents of their own before: the later ones are told apart by their ids.
alter table documents no force row level security; -- a migration has no subject: forced, it would see no row
update documents d set filename = regexp_replace(filename, '(\.[^.]+)?$', ' [' || id || ']\1')
where exists (select from documents o where o.collection_id = d.collection_id and o.filename = d.filename and o.id < d.id);
alter table documents force row level security;

drop index documents_collection_id_filename_idx;
create unique index documents_name on documents (collection_id, filename) where id = lineage;
create unique index documents_published on documents (lineage) where status = 'ready';

-- What came from a document is in the document's collection. Moving it rewrites that everywhere; a row that names the former collection is refused.
alter table documents add constraint documents_place unique (id, collection_id);
do $$
declare
    t text;
begin
    foreach t in array array['files', 'pages', 'page_drafts', 'chunks', 'contexts', 'summaries', 'batches', 'estimates', 'vector_drafts', 'vectors', 'postings'] loop
        execute format('alter table %I drop constraint %I, add foreign key (document_id, collection_id) references documents (id, collection_id) '
                       'on delete cascade on update cascade', t, t || '_document_id_fkey');
    end loop;
end $$;
