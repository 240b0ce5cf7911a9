-- What SQL Server has in every database, for what is asked of it in tests.
CREATE SCHEMA dbo;
CREATE SCHEMA sys;
SET search_path = dbo, sys;

-- 0 and 1 are truth values there
UPDATE pg_cast SET castcontext = 'i' WHERE castsource = 'int4'::regtype AND casttarget = 'bool'::regtype;

CREATE OPERATOR sys.+ (LEFTARG = text, RIGHTARG = text, FUNCTION = textcat);

CREATE TABLE sys.declared (
    relid oid NOT NULL, name text NOT NULL, type_id int NOT NULL, max_length int NOT NULL, precision int NOT NULL,
    scale int NOT NULL, collation_name text, PRIMARY KEY (relid, name)
);

-- called immutable, so that it is asked once a statement and not once a row
CREATE FUNCTION sys.object_id(name text) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    -- [a].[b]]c] as "a"."b]c"
    quoted text := replace(replace(replace(replace(name, ']]', E'\x01'), '[', '"'), ']', '"'), E'\x01', ']');
BEGIN
    RETURN coalesce(to_regclass(quoted)::oid, to_regproc(quoted)::oid)::bigint;
EXCEPTION WHEN others THEN
    RETURN NULL;
END $$;

CREATE FUNCTION sys.db_name() RETURNS text LANGUAGE sql STABLE AS
    $$ SELECT CASE WHEN current_database() LIKE 'dc_test_peer_%' THEN 'master' ELSE current_database()::text END $$;
CREATE FUNCTION sys.serverproperty(name text) RETURNS text LANGUAGE sql AS
    $$ SELECT CASE name WHEN 'ProductVersion' THEN '16.0.1000.6' WHEN 'EngineEdition' THEN '3' END $$;
CREATE FUNCTION sys.has_perms_by_name(name text, class text, right_ text) RETURNS int LANGUAGE sql STABLE AS
    $$ SELECT has_table_privilege(sys.object_id(name)::oid, right_)::int $$;
CREATE FUNCTION sys.sysutcdatetime() RETURNS timestamp LANGUAGE sql STABLE AS $$ SELECT now() AT TIME ZONE 'UTC' $$;
-- bytes of UTF-16
CREATE FUNCTION sys.datalength(value text) RETURNS bigint LANGUAGE sql IMMUTABLE AS
    $$ SELECT (2 * (length(value) + length(regexp_replace(value, '[\u0001-\uffff]', '', 'g'))))::bigint $$;
CREATE FUNCTION sys.datalength(value bytea) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT length(value)::bigint $$;
CREATE FUNCTION sys.isjson(value text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN (json_typeof(value::json) IN ('array', 'object'))::int;
EXCEPTION WHEN others THEN
    RETURN CASE WHEN value IS NULL THEN NULL ELSE 0 END;
END $$;
CREATE FUNCTION sys.string_split(value text, sign text) RETURNS TABLE (value text) LANGUAGE sql IMMUTABLE AS
    $$ SELECT unnest(string_to_array($1, $2)) $$;
CREATE FUNCTION sys.try_cast(value text, kind text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
    EXECUTE format('SELECT CAST(CAST($1 AS %s) AS text)', kind) INTO found USING value;
    RETURN found;
EXCEPTION WHEN others THEN
    RETURN NULL;
END $$;

CREATE VIEW sys.schemas AS SELECT oid::bigint AS schema_id, nspname::text AS name FROM pg_namespace;
CREATE VIEW sys.objects AS
    SELECT oid::bigint AS object_id, relname::text AS name, relnamespace::bigint AS schema_id,
        CASE relkind WHEN 'v' THEN 'V ' ELSE 'U ' END AS type, relnamespace = 'sys'::regnamespace AS is_ms_shipped
    FROM pg_class WHERE relkind IN ('r', 'v', 'p')
    UNION ALL
    SELECT oid::bigint, proname::text, pronamespace::bigint, CASE prokind WHEN 'p' THEN 'P ' ELSE 'FN' END,
        pronamespace <> 'dbo'::regnamespace
    FROM pg_proc;
CREATE TABLE sys.types (name text, user_type_id int, system_type_id int);
CREATE VIEW sys.columns AS
    SELECT a.attrelid::bigint AS object_id, a.attname::text AS name, a.attnum::int AS column_id, k.type_id AS user_type_id,
        k.type_id AS system_type_id,
        coalesce(d.max_length, -1) AS max_length, coalesce(d.precision, 38) AS precision, coalesce(d.scale, 6) AS scale,
        NOT a.attnotnull AS is_nullable, a.attgenerated <> '' AS is_computed, a.attidentity <> '' AS is_identity,
        0 AS generated_always_type, coalesce(d.collation_name, 'SQL_Latin1_General_CP1_CI_AS') AS collation_name
    FROM pg_attribute AS a
    LEFT JOIN sys.declared AS d ON d.relid = a.attrelid AND d.name = a.attname
    -- of a view nobody has said what its columns are
    CROSS JOIN LATERAL (SELECT coalesce(d.type_id, CASE a.atttypid
        WHEN 'bool'::regtype THEN 104 WHEN 'int2'::regtype THEN 52 WHEN 'int4'::regtype THEN 56 WHEN 'int8'::regtype THEN 127
        WHEN 'float8'::regtype THEN 62 WHEN 'numeric'::regtype THEN 106 WHEN 'bytea'::regtype THEN 165
        WHEN 'timestamp'::regtype THEN 42 WHEN 'date'::regtype THEN 40 ELSE 231 END) AS type_id) AS k
    WHERE a.attnum > 0 AND NOT a.attisdropped;
CREATE VIEW sys.indexes AS
    SELECT indrelid::bigint AS object_id, indexrelid::bigint AS index_id, indisprimary AS is_primary_key,
        indisunique AS is_unique, indpred IS NOT NULL AS has_filter, false AS is_disabled
    FROM pg_index;
CREATE VIEW sys.index_columns AS
    SELECT i.indrelid::bigint AS object_id, i.indexrelid::bigint AS index_id, k.column_id::int,
        k.place > i.indnkeyatts AS is_included_column
    FROM pg_index AS i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (column_id, place);
CREATE VIEW sys.check_constraints AS
    SELECT conrelid::bigint AS parent_object_id, CASE WHEN cardinality(conkey) = 1 THEN conkey[1] ELSE 0 END AS parent_column_id,
        pg_get_constraintdef(oid) AS definition
    FROM pg_constraint WHERE contype = 'c';
CREATE VIEW sys.foreign_keys AS
    SELECT conrelid::bigint AS parent_object_id, confrelid::bigint AS referenced_object_id
    FROM pg_constraint WHERE contype = 'f';
