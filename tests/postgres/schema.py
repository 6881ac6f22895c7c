"""What pg_catalog says of a database, line by line, so that two databases can be held against each other."""

from __future__ import annotations

import psycopg

# names and definitions of all in the schema public that belongs to no extension; the indexes of embedding models come with the models
CATALOG = r"""
with ours as (select c.* from pg_class c where relnamespace = 'public'::regnamespace and relname not like 'vectors\_hnsw\_%'
              and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e'))
select format('%s %s, owner %s, grants %s, row security %s forced %s, options %s', relkind, relname, relowner::regrole, relacl, relrowsecurity,
              relforcerowsecurity, reloptions) from ours where relkind not in ('t')
union all
select format('column %s.%s %s not null %s default %s identity %s generated %s storage %s collation %s compression %s', relname, attname,
              format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid), attidentity, attgenerated, attstorage,
              attcollation::regcollation, attcompression)
from ours join pg_attribute on attrelid = ours.oid and attnum > 0 and not attisdropped left join pg_attrdef on adrelid = attrelid and adnum = attnum
where relkind not in ('t', 'i')
union all
select format('constraint %s on %s: %s, validated %s', conname, relname, pg_get_constraintdef(con.oid), convalidated)
from ours join pg_constraint con on conrelid = ours.oid
union all
select format('index %s, valid %s', pg_get_indexdef(ours.oid), indisvalid) from ours join pg_index on indexrelid = ours.oid
union all
select format('policy %s on %s, %s permissive %s for %s: using %s check %s', policyname, tablename, cmd, permissive, roles, qual, with_check)
from pg_policies where schemaname = 'public'
union all
select format('function, owner %s, grants %s: %s', proowner::regrole, proacl, pg_get_functiondef(p.oid))
from pg_proc p where pronamespace = 'public'::regnamespace and prokind <> 'a' and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
union all
select format('trigger %s, enabled %s', pg_get_triggerdef(t.oid), tgenabled) from ours join pg_trigger t on tgrelid = ours.oid where not tgisinternal
union all
select format('sequence %s %s from %s by %s within %s and %s', relname, seqtypid::regtype, seqstart, seqincrement, seqmin, seqmax)
from ours join pg_sequence on seqrelid = ours.oid
union all
select format('enum %s: %s', typname, string_agg(enumlabel, ', ' order by enumsortorder)) from pg_type join pg_enum on enumtypid = pg_type.oid
where typnamespace = 'public'::regnamespace group by typname
union all
select format('type %s %s', typtype, typname) from pg_type t where typnamespace = 'public'::regnamespace
and not exists (select from pg_depend d where d.objid = t.oid and d.deptype = 'e')
union all
select format('schema public, grants %s', nspacl) from pg_namespace where nspname = 'public'
union all
select format('extension %s %s', extname, extversion) from pg_extension
"""


def catalog(url: str) -> set[str]:
    """One line for each thing: tables, columns, constraints, indexes, policies, functions, triggers, grants."""
    with psycopg.connect(url) as connection:
        return {line for (line,) in connection.execute(CATALOG)}
