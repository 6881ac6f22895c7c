-- Conversations that are kept, found again and deleted with a way back; answers asked again; what each person has chosen.

alter table conversations add column deleted_at timestamptz; -- null: it is there; else it may be brought back for a while

alter table messages
    add column asked       text not null default '',     -- what was searched for, where a follow-up was rewritten; '' is the question itself
    add column whole       boolean not null default false, -- the model read the selected documents whole; nothing was searched
    add column left_out    int not null default 0,       -- earlier questions of the conversation that the model was not told
    add column replaced_by bigint references messages on delete set null; -- the message that took its place; null: it is part of the conversation
create index on messages (replaced_by);

-- taken over as a question for the evaluation, or put aside
alter table feedback add column settled boolean not null default false;

-- models, language and the like, each by its name; what is absent is as the settings say
create table preferences (
    subject text primary key default current_subject(),
    chosen  jsonb not null default '{}'
);
alter table preferences enable row level security;
alter table preferences force row level security;
create policy own on preferences using (subject = (select current_subject()));
