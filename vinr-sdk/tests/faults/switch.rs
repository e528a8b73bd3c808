//! An address at which now one terminal is, and now another.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(crate) struct Switch {
    address: SocketAddr,
    target: watch::Sender<SocketAddr>,
    connections: watch::Receiver<usize>,
}

impl Switch {
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = watch::channel(target).0;
        let (counter, connections) = watch::channel(0);
        let (of_task, counter) = (target.clone(), Arc::new(counter));
        tokio::spawn(async move {
            while let Ok((mut till, _)) = listener.accept().await {
                let target = *of_task.borrow();
                let counter = counter.clone();
                tokio::spawn(async move {
                    if let Ok(mut target) = TcpStream::connect(target).await {
                        let _ = copy_bidirectional(&mut till, &mut target).await;
                    }
                    drop(till);
                    counter.send_modify(|ended| *ended += 1);
                });
            }
        });
        Self {
            address,
            target,
            connections,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// New connections go there.
    pub(crate) fn leads_to(&self, target: SocketAddr) {
        self.target.send_replace(target);
    }

    /// How many connections have ended.
    pub(crate) fn ended(&self) -> usize {
        *self.connections.borrow()
    }

    /// Waits until so many more connections have ended.
    pub(crate) async fn more_end(&self, more: usize) {
        let (mut ended, before) = (self.connections.clone(), self.ended());
        ended.wait_for(|it| *it >= before + more).await.unwrap();
    }
}
