-- Measuring retrieval: a person's own questions with the passage that answers each, and the runs over them or over a set of questions.

create table evaluation_questions (
    id          bigint generated always as identity primary key,
    subject     text not null default current_subject(),
    question    text not null,
    document_id bigint not null references documents on delete cascade,
    ord         int not null,                    -- the chunk it was picked from
    quote       text not null,                   -- the passage itself: finds its chunk after the document was cut anew
    created_at  timestamptz not null default now()
);
create index on evaluation_questions (subject, id);
create index on evaluation_questions (document_id);

create table evaluations (
    id         bigint generated always as identity primary key,
    subject    text not null default current_subject(),
    set        text not null,                    -- the set's name, as a person knows it
    scratch    text not null default 'evaluation/' || gen_random_uuid(), -- the subject that its copies of documents belong to
    state      text not null default 'running' check (state in ('running', 'done', 'failed', 'stopped')),
    step       text not null default '',         -- what is under way
    done       int not null default 0,           -- of the step's units
    total      int not null default 0,
    error      text not null default '',         -- the sentence a person reads
    result     jsonb,                            -- rag.ladder.Ladder.as_stored
    created_at timestamptz not null default now(),
    beat_at    timestamptz not null default now(), -- of its process; stale while running means interrupted
    cleared    boolean not null default false    -- its copies are gone
);
create index on evaluations (subject, id);

do $$
declare
    t text;
begin
    foreach t in array array['evaluation_questions', 'evaluations'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy own on %I using (subject = (select current_subject()))', t);
    end loop;
end $$;
