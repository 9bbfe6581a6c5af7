//! The limit beside the figures: a server of the same libraries that does nothing, or reads one row
//! by its key.

use std::net::TcpListener;

use actix_web::{App, HttpResponse, HttpServer, web};
use diesel::{
    PgConnection, QueryDsl, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection,
    r2d2::{ConnectionManager, Pool},
};

diesel::table! {
    customers (id) {
        id -> BigInt,
        email -> Nullable<Text>,
    }
}

#[derive(Clone)]
enum Rows {
    Sqlite(Pool<ConnectionManager<SqliteConnection>>),
    Postgres(Pool<ConnectionManager<PgConnection>>),
}

impl Rows {
    fn read(&self, id: i64) -> String {
        let row = customers::table.find(id).select(customers::email);
        let email: Option<String> = match self {
            Self::Sqlite(pool) => row.first(&mut pool.get().expect("a connection")),
            Self::Postgres(pool) => row.first(&mut pool.get().expect("a connection")),
        }
        .expect("the row");
        email.unwrap_or_default()
    }
}

/// Serves `/empty` and `/row/{id}` on a thread of its own, with as many workers and connections as
/// the desk has; answers its address.
pub fn serve(url: &str) -> String {
    let rows = match url.strip_prefix("sqlite:") {
        Some(path) => Rows::Sqlite(
            Pool::builder().max_size(4).build(ConnectionManager::new(path)).expect("the file"),
        ),
        None => Rows::Postgres(
            Pool::builder()
                .max_size(12)
                .test_on_check_out(false)
                .build(ConnectionManager::new(url))
                .expect("PostgreSQL"),
        ),
    };
    if let Rows::Sqlite(pool) = &rows {
        pool.get()
            .expect("a connection")
            .batch_execute("PRAGMA busy_timeout = 30000")
            .expect("a setting");
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::spawn(move || {
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(rows.clone()))
                .route("/empty", web::get().to(|| async { HttpResponse::Ok().body("ok") }))
                .route("/row/{id}", web::get().to(row))
        });
        let server =
            server.workers(workers).disable_signals().listen(listener).expect("it listens");
        actix_web::rt::System::new().block_on(server.run())
    });
    address
}

async fn row(rows: web::Data<Rows>, id: web::Path<i64>) -> HttpResponse {
    let id = id.into_inner();
    HttpResponse::Ok().body(web::block(move || rows.read(id)).await.expect("a thread"))
}
