//! A small TCP proxy before several servers: each connection goes to the next one that takes it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::net::{TcpListener, TcpStream};

use super::installation::Server;

/// Starts one before these servers and answers its address. It ends with the test's runtime.
pub async fn before(servers: &[&Server]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let addresses: Arc<[String]> =
        servers.iter().map(|server| server.url.trim_start_matches("http://").to_owned()).collect();
    let next = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (addresses, first) = (Arc::clone(&addresses), next.fetch_add(1, Ordering::Relaxed));
            tokio::spawn(async move { lead(client, &addresses, first).await });
        }
    });
    url
}

/// Only connecting is tried again: a request that was sent may have been done.
async fn lead(mut client: TcpStream, addresses: &[String], first: usize) {
    for n in 0..addresses.len() {
        if let Ok(mut server) = TcpStream::connect(&addresses[(first + n) % addresses.len()]).await
        {
            // Broken off by either side: so is the other.
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            return;
        }
    }
}
