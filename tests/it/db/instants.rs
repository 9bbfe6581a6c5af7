//! Points in time: the same in and out, and in the same order, on both engines and in any session's
//! zone.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};
use rewarddesk::{
    db::{
        instant::{At, columns_of, no_end, no_start, window_of},
        schema::merchants as m,
    },
    domain::batch::Window,
};

use crate::{
    row,
    support::{TestDb, engine::run_on},
};

fn instants() -> Vec<DateTime<Utc>> {
    let micro = TimeDelta::microseconds(1);
    let times = [
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00Z",
        "2026-03-29T00:59:59.999999Z",
        "2026-03-29T01:00:00Z",
        "2026-10-25T00:30:00Z",
        "2026-10-25T01:30:00Z",
        "2026-11-23T12:00:00.000001Z",
        "2026-11-23T12:00:00.1Z",
        "2100-02-28T23:59:59Z",
    ];
    let mut all = vec![no_start(), no_start() + micro, no_end() - micro, no_end()];
    all.extend(times.map(|t| t.parse::<DateTime<Utc>>().expect("a time")));
    all.sort();
    all
}

#[both]
fn instants_come_back_as_they_went_in_and_in_order(db: TestDb) {
    let sorted = instants();
    for at in sorted.iter().rev() {
        db.insert(
            "merchants",
            row! { slug: at.to_rfc3339(), name: "x", timezone: "UTC", created_at: *at },
        );
    }
    let mut conn = db.connect();
    for zone in ["UTC", "Asia/Kolkata", "America/St_Johns"] {
        if !db.is_sqlite() {
            run_on(&mut conn, &format!("SET TIME ZONE '{zone}'")).unwrap();
        }
        let read: Vec<At> =
            m::table.select(m::created_at).order(m::created_at).load(&mut conn).unwrap();
        assert_eq!(
            read.iter().map(|at| at.0).collect::<Vec<_>>(),
            sorted,
            "in a session in {zone}"
        );
        for (i, at) in sorted.iter().enumerate() {
            let (before, until): (i64, i64) = (
                m::table.filter(m::created_at.lt(At(*at))).count().get_result(&mut conn).unwrap(),
                m::table.filter(m::created_at.le(At(*at))).count().get_result(&mut conn).unwrap(),
            );
            let i = i64::try_from(i).unwrap();
            assert_eq!((before, until), (i, i + 1), "around {at}");
        }
    }
}

#[both]
fn instants_written_by_diesel_are_those_of_plain_sql(db: TestDb) {
    let mut conn = db.connect();
    for at in instants() {
        diesel::insert_into(m::table)
            .values((
                m::slug.eq(at.to_rfc3339()),
                m::name.eq("x"),
                m::timezone.eq("UTC"),
                m::created_at.eq(At(at)),
            ))
            .execute(&mut conn)
            .unwrap();
        assert_eq!(db.count(&format!("merchants WHERE created_at = {}", db.sql(at))), 1, "{at}");
    }
}

#[test]
fn a_window_comes_back_from_its_columns() {
    let at = instants()[5];
    for window in [
        Window { from: None, until: None },
        Window { from: Some(at), until: None },
        Window { from: None, until: Some(at) },
    ] {
        let (from, until) = columns_of(window);
        assert_eq!(window_of(from, until), window);
    }
}
