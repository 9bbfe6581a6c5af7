//! `src/db/schema.rs` is kept by hand for two engines at once; here both say whether it is true.

use std::{collections::BTreeMap, fs, path::Path};

use crate::support::TestDb;

/// Table name to its columns in order, each `name type` or `name type?` where it may be null.
type Tables = BTreeMap<String, Vec<String>>;

/// Reads `table! { name (keys) { column -> Type, … } }`.
fn parse(source: &str) -> Tables {
    let mut tables = Tables::new();
    let mut open: Option<String> = None;
    for line in source.lines().map(str::trim) {
        if let Some((column, of)) = line.split_once("->") {
            let table = open.as_ref().expect("a column stands inside a table");
            let of = of.trim().trim_end_matches(',');
            let column = match of.strip_prefix("Nullable<").and_then(|of| of.strip_suffix('>')) {
                Some(inner) => format!("{} {inner}?", column.trim()),
                None => format!("{} {of}", column.trim()),
            };
            tables.get_mut(table).expect("a table that is open").push(column);
        } else if let Some((name, _)) = line.strip_suffix('{').and_then(|head| head.split_once('('))
        {
            let name = name.trim().to_owned();
            tables.insert(name.clone(), vec![]);
            open = Some(name);
        }
    }
    tables
}

/// The columns that a database has, with its types in diesel's words.
fn actual(db: &TestDb) -> Tables {
    // SQLite keeps instants as text: there the two are told apart by schema.rs only, and PostgreSQL
    // judges.
    let rows = if db.is_sqlite() {
        db.texts(
            "SELECT t.name || ' ' || c.name || ' ' || CASE upper(c.type) WHEN 'INTEGER' THEN \
             'BigInt' WHEN 'BIGINT' THEN 'BigInt'
               WHEN 'TEXT' THEN 'Text' WHEN 'BOOLEAN' THEN 'Bool' WHEN 'BLOB' THEN 'Binary' ELSE \
               c.type END
               || CASE WHEN c.\"notnull\" = 0 THEN '?' ELSE '' END AS v
             FROM pragma_table_list t JOIN pragma_table_info(t.name) c
             WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND \
             t.name NOT LIKE '%diesel%' ORDER BY t.name, c.cid",
        )
    } else {
        db.texts(
            "SELECT c.table_name || ' ' || column_name || ' ' || CASE data_type WHEN 'bigint' \
             THEN 'BigInt' WHEN 'integer' THEN 'Integer'
               WHEN 'text' THEN 'Text' WHEN 'boolean' THEN 'Bool' WHEN 'bytea' THEN 'Binary' WHEN \
               'timestamp with time zone' THEN 'Instant'
               ELSE data_type END || CASE is_nullable WHEN 'YES' THEN '?' ELSE '' END AS v
             FROM information_schema.columns c JOIN information_schema.tables t USING \
             (table_schema, table_name)
             WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name NOT LIKE \
             '%diesel%'
             -- A part of PostgreSQL's search index, as the tables of FTS5 are of SQLite's.
             AND table_name NOT LIKE 'customer_stretch%' ORDER BY c.table_name, ordinal_position",
        )
    };
    let mut tables = Tables::new();
    for row in rows {
        let (table, column) = row.split_once(' ').expect("a table and a column");
        tables.entry(table.to_owned()).or_default().push(column.to_owned());
    }
    tables
}

#[both]
fn the_schema_file_matches_both_databases(db: TestDb) {
    let read = |file: &str| {
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/db").join(file)).unwrap()
    };
    let mut written = parse(&read("schema.rs"));
    for file in ["schema/people.rs", "schema/stock.rs"] {
        written.extend(parse(&read(file)));
    }
    assert!(written.len() >= 13, "the file was not understood: {:?}", written.keys());
    if db.is_sqlite() {
        for column in written.values_mut().flatten() {
            *column = column.replace(" Instant", " Text");
        }
    }
    let actual = actual(&db);
    assert_eq!(written.keys().collect::<Vec<_>>(), actual.keys().collect::<Vec<_>>(), "tables");
    for (table, columns) in &actual {
        assert_eq!(
            &written[table], columns,
            "columns of {table}: left src/db/schema.rs, right the database"
        );
    }
}

#[test]
fn the_schema_file_is_understood() {
    let tables = parse(
        "diesel::table! {\n use x::*;\n\n  coupons (id) {\n  id -> BigInt,\n  pin -> \
         Nullable<Text>,\n }\n}\n",
    );
    assert_eq!(
        tables,
        Tables::from([("coupons".into(), vec!["id BigInt".into(), "pin Text?".into()])])
    );
}
