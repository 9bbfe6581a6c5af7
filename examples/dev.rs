use rewarddesk::{
    app::{Desk, passwords},
    db::{Database, DatabaseUrl, migrate},
    domain::{clock::Clock, email::Mailbox},
    web::server::{Site, start},
};
#[actix_web::main]
async fn main() {
    let _ = tracing_subscriber::fmt().with_env_filter("info,rewarddesk=debug").try_init();
    let url = DatabaseUrl::parse(&std::env::args().nth(1).unwrap()).unwrap();
    let db = Database::open(&url).unwrap();
    migrate::migrate(&db).unwrap();
    println!("{}", passwords::hash("correct horse battery 42!").unwrap());
    let desk = Desk::new(db, Clock::System, Mailbox::parse("Rewards <r@desk.example>").unwrap(), &"x".repeat(40));
    let site = Site { base_url: None, session_limits: Default::default(), demo_sign_ins: vec![] };
    let l = std::net::TcpListener::bind("127.0.0.1:8099").unwrap();
    let (s, a) = start(l, desk, site, 2).unwrap();
    println!("{a}");
    s.await.unwrap();
}
