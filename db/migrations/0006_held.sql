-- A document may wait for a person's yes to the price of situating it.

alter table documents
    drop constraint documents_situating_check,
    add constraint documents_situating_check check (situating in ('', 'working', 'waiting', 'batched', 'held', 'ended'));
