// SPDX-License-Identifier: Apache-2.0
// A QUIC stack that spins (quinn), for captured_test.py:
//   spin_quic server CERT KEY ADDRESS:PORT | spin_quic client ADDRESS:PORT OCTETS
// SPIN=0 in the environment: without the spin bit.
use std::{env, fs, net::SocketAddr, sync::Arc, time::SystemTime};
struct Any;
impl rustls::client::ServerCertVerifier for Any {
    fn verify_server_cert(&self, _: &rustls::Certificate, _: &[rustls::Certificate], _: &rustls::ServerName,
        _: &mut dyn Iterator<Item = &[u8]>, _: &[u8], _: SystemTime) -> Result<rustls::client::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::ServerCertVerified::assertion())
    }
}
fn transport(spin: bool) -> Arc<quinn::TransportConfig> {
    let mut t = quinn::TransportConfig::default();
    t.allow_spin(spin);
    Arc::new(t)
}
#[tokio::main]
async fn main() {
    let a: Vec<String> = env::args().collect();
    let spin = env::var("SPIN").map(|v| v != "0").unwrap_or(true);
    if a[1] == "server" {
        let cert = rustls::Certificate(rustls_pemfile::certs(&mut &fs::read(&a[2]).unwrap()[..]).unwrap()[0].clone());
        let key = rustls::PrivateKey(rustls_pemfile::pkcs8_private_keys(&mut &fs::read(&a[3]).unwrap()[..]).unwrap()[0].clone());
        let mut config = quinn::ServerConfig::with_single_cert(vec![cert], key).unwrap();
        config.transport = transport(spin);
        let endpoint = quinn::Endpoint::server(config, a[4].parse().unwrap()).unwrap();
        println!("ready");
        while let Some(c) = endpoint.accept().await {
            tokio::spawn(async move {
                let c = c.await.unwrap();
                while let Ok((mut send, mut recv)) = c.accept_bi().await {
                    let n = recv.read_to_end(64).await.unwrap();
                    let n: usize = String::from_utf8(n).unwrap().parse().unwrap();
                    let block = vec![7u8; 65536];
                    let mut left = n;
                    while left > 0 { let k = left.min(block.len()); if send.write_all(&block[..k]).await.is_err() { break; } left -= k; }
                    let _ = send.finish().await;
                }
            });
        }
    } else {
        let mut crypto = rustls::ClientConfig::builder().with_safe_defaults().with_custom_certificate_verifier(Arc::new(Any)).with_no_client_auth();
        crypto.alpn_protocols = vec![];
        let mut config = quinn::ClientConfig::new(Arc::new(crypto));
        config.transport_config(transport(spin));
        let mut endpoint = quinn::Endpoint::client("0.0.0.0:0".parse().unwrap()).unwrap();
        endpoint.set_default_client_config(config);
        let to: SocketAddr = a[2].parse().unwrap();
        let c = endpoint.connect(to, "localhost").unwrap().await.unwrap();
        let (mut send, mut recv) = c.open_bi().await.unwrap();
        send.write_all(a[3].as_bytes()).await.unwrap();
        send.finish().await.unwrap();
        let mut n = 0;
        while let Some(k) = recv.read_chunk(65536, true).await.unwrap() { n += k.bytes.len(); }
        println!("{} octets, rtt {:?}", n, c.rtt());
        c.close(0u32.into(), b"");
        endpoint.wait_idle().await;
    }
}
