//! Connections that keep the server waiting: none is held for ever on any path, and others are
//! served meanwhile.

use std::{net::TcpListener, time::Duration};

use actix_web::{App as Pages, HttpResponse, middleware::from_fn, web};
use rewarddesk::{
    domain::clock::Clock,
    web::server::connections::{self, Bounds},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::timeout,
};

use crate::support::{App, Engine, TestDb, World, block_on, world::noon};

/// For what a busy machine takes.
const LONG: Duration = Duration::from_mins(2);
const OF_EACH_KIND: usize = 8;

/// One kind of client that keeps a server waiting.
#[derive(Debug, Clone, Copy)]
struct Kind {
    name: &'static str,
    /// What it sends at once; `HOST` is the server.
    begins: &'static str,
    /// What it goes on sending, a little at a time.
    goes_on: Option<&'static str>,
}

const FORM: &str =
    "Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n";

const KINDS: [Kind; 10] = [
    Kind { name: "says nothing", begins: "", goes_on: None },
    Kind { name: "stops in its head", begins: "GET /sign-in HTTP/1.1\r\nHo", goes_on: None },
    Kind { name: "trickles its head", begins: "GET /sign-in HTTP/1.1\r\nX-", goes_on: Some("x") },
    Kind {
        name: "stops in a chunked body",
        begins: "POST /sign-in FORM Transfer-Encoding: chunked\r\n\r\n5\r\nemail\r\n",
        goes_on: None,
    },
    Kind {
        name: "stops in a chunked body that nobody reads",
        begins: "POST /nothing FORM Transfer-Encoding: chunked\r\n\r\n5\r\nemail\r\n",
        goes_on: None,
    },
    Kind {
        name: "trickles a chunked body that nobody reads",
        begins: "POST /nothing FORM Transfer-Encoding: chunked\r\n\r\n",
        goes_on: Some("1\r\nx\r\n"),
    },
    Kind {
        name: "stops in a body that nobody reads",
        begins: "POST /nothing FORM Content-Length: 100\r\n\r\nemail",
        goes_on: None,
    },
    Kind {
        name: "trickles a later head",
        begins: "GET /healthz FORM \r\nGET /sign-in HTTP/1.1\r\nX-",
        goes_on: Some("x"),
    },
    Kind {
        name: "sends blank lines between requests",
        begins: "GET /healthz FORM \r\n",
        goes_on: Some("\r\n"),
    },
    Kind { name: "stays after an answer", begins: "GET /healthz FORM \r\n", goes_on: None },
];

impl Kind {
    /// Behaves so until the server ends the connection.
    async fn run(self, address: String) {
        let mut line = TcpStream::connect(&address).await.unwrap();
        let begins =
            self.begins.replace(" FORM ", &format!(" HTTP/1.1\r\nHost: {address}\r\n{FORM}"));
        line.write_all(begins.as_bytes()).await.unwrap();
        let mut buffer = [0; 4096];
        loop {
            if let Ok(read) = timeout(Duration::from_millis(50), line.read(&mut buffer)).await
                && read.unwrap_or(0) == 0
            {
                return;
            }
            if let Some(more) = self.goes_on
                && line.write_all(more.as_bytes()).await.is_err()
            {
                return;
            }
        }
    }
}

/// A page, asked for until it comes.
async fn is_served(address: &str, path: &str) {
    let asked = async {
        loop {
            let mut line = TcpStream::connect(address).await.unwrap();
            let head =
                format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
            let mut answer = String::new();
            if line.write_all(head.as_bytes()).await.is_ok()
                && line.read_to_string(&mut answer).await.is_ok()
                && answer.starts_with("HTTP/1.1 200")
            {
                return;
            }
        }
    };
    timeout(LONG, asked).await.expect("others are served meanwhile");
}

/// A server with few connections and two pages: a short one, and one that nobody can keep in a
/// buffer.
fn small(bounds: Bounds) -> (actix_web::dev::Server, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = connections::serve(listener, bounds, || {
        Pages::new()
            .wrap(from_fn(connections::observe))
            .route("/short", web::get().to(|| async { HttpResponse::Ok().body("short") }))
            .route(
                "/long",
                web::get().to(|| async { HttpResponse::Ok().body(vec![b'x'; 64 << 20]) }),
            )
    });
    (server.unwrap(), address)
}

#[test]
fn a_form_that_never_ends_is_told_so() {
    block_on(async {
        let app = App::start(World::new(TestDb::new(Engine::Sqlite), noon()), Clock::fixed(noon()));
        let address = app.url.trim_start_matches("http://");
        let mut line = TcpStream::connect(address).await.unwrap();
        let begun = format!(
            "POST /sign-in HTTP/1.1\r\nHost: {address}\r\n{FORM}Content-Length: 100\r\n\r\nemail"
        );
        line.write_all(begun.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(LONG, line.read_to_string(&mut answer)).await.expect("an end").unwrap();
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    });
}

mod with_failpoints {
    use super::*;

    #[test]
    fn no_connection_is_held_without_a_request() {
        block_on(async {
            fail::cfg("connections::patience", "return(10)").unwrap();
            let app =
                App::start(World::new(TestDb::new(Engine::Sqlite), noon()), Clock::fixed(noon()));
            let address = app.url.trim_start_matches("http://").to_owned();
            let mut clients = JoinSet::new();
            for kind in KINDS {
                for _ in 0..OF_EACH_KIND {
                    let address = address.clone();
                    clients.spawn(async move {
                        timeout(LONG, kind.run(address)).await.map_err(|_| kind.name)
                    });
                }
            }
            is_served(&address, "/readyz").await;
            let held: Vec<&str> =
                clients.join_all().await.into_iter().filter_map(Result::err).collect();
            assert!(held.is_empty(), "still held: {held:?}");
            fail::remove("connections::patience");
        });
    }

    #[test]
    fn an_answer_that_nobody_reads_is_given_up() {
        block_on(async {
            fail::cfg("connections::patience", "return(100)").unwrap();
            let (server, address) =
                small(Bounds { workers: 1, connections: 100, shutdown_seconds: 1 });
            let handle = server.handle();
            tokio::spawn(server);
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_recv_buffer_size(4096).unwrap();
            let mut line = socket.connect(address.parse().unwrap()).await.unwrap();
            line.write_all(format!("GET /long HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes())
                .await
                .unwrap();
            // Nothing is read: the end shows in what is sent.
            let ends = async {
                while line.write_all(b"\r\n").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            timeout(LONG, ends).await.expect("the connection ends");
            is_served(&address, "/short").await;
            handle.stop(false).await;
            fail::remove("connections::patience");
        });
    }

    #[test]
    fn many_requests_ahead_of_an_unread_answer_end_the_connection() {
        block_on(async {
            // No time ends it.
            fail::cfg("connections::patience", "return(0)").unwrap();
            let (server, address) =
                small(Bounds { workers: 1, connections: 100, shutdown_seconds: 1 });
            let handle = server.handle();
            tokio::spawn(server);
            // A few ahead are served, one after the other.
            let mut line = TcpStream::connect(&address).await.unwrap();
            let one = format!("GET /short HTTP/1.1\r\nHost: {address}\r\n\r\n");
            let last =
                format!("GET /short HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
            line.write_all(format!("{}{last}", one.repeat(30)).as_bytes()).await.unwrap();
            let mut answers = String::new();
            timeout(LONG, line.read_to_string(&mut answers)).await.expect("answers").unwrap();
            assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 31);
            for (path, head) in [
                ("/long", String::new()),
                (
                    "/short",
                    format!(
                        "POST /short HTTP/1.1\r\nHost: {address}\r\nContent-Length: 1\r\n\r\nx"
                    ),
                ),
            ] {
                let socket = TcpSocket::new_v4().unwrap();
                socket.set_recv_buffer_size(4096).unwrap();
                let mut line = socket.connect(address.parse().unwrap()).await.unwrap();
                let many = [
                    head,
                    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").repeat(100_000),
                ]
                .concat();
                // The system's buffers take some megabytes.
                let ends = async { while line.write_all(many.as_bytes()).await.is_ok() {} };
                timeout(LONG, ends).await.expect("the connection ends");
            }
            is_served(&address, "/short").await;
            handle.stop(false).await;
            fail::remove("connections::patience");
        });
    }

    #[test]
    fn in_a_crowd_silent_connections_make_room() {
        block_on(async {
            // Only a crowd shortens their time.
            fail::cfg("connections::patience", "return(0)").unwrap();
            let (server, address) =
                small(Bounds { workers: 1, connections: 8, shutdown_seconds: 1 });
            let handle = server.handle();
            tokio::spawn(server);
            let mut silent = vec![];
            for _ in 0..40 {
                silent.push(TcpStream::connect(&address).await.unwrap());
            }
            is_served(&address, "/short").await;
            handle.stop(false).await;
            fail::remove("connections::patience");
        });
    }
}
