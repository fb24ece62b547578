//! What asyncio-loops does, with tokio: `tokio-loops WORKERS WORK COUNT|PORT`. See ../../../README.md.
use std::{io::Write, process::exit, sync::{atomic::{AtomicUsize, Ordering}, Arc}, thread, time::{Duration, Instant}};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
    runtime::{Builder, Runtime},
    sync::{broadcast, mpsc, Mutex, Notify},
    task::yield_now,
};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.len() != 3 {
        exit(64);
    }
    let number = |index: usize| arguments[index].parse::<usize>().unwrap_or_else(|_| exit(64));
    let (workers, work, count) = (number(0), arguments[1].clone(), number(2));
    match work.as_str() {
        "mailbox" => mailbox(count),
        "broadcast" => runtime(workers).block_on(publish(count)),
        "echo" => runtime(workers).block_on(echo(count as u16)),
        "spawn" | "switch" | "lock" | "queue" | "timeout" => {
            let runtime = runtime(workers);
            on_each(&runtime, workers, &work, count / 10 + 1);
            let measure = Measure::start();
            on_each(&runtime, workers, &work, count);
            measure.report(&work, count * workers);
        }
        _ => exit(64),
    }
}

fn runtime(workers: usize) -> Runtime {
    let mut builder = if workers == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    if workers > 1 {
        builder.worker_threads(workers);
    }
    builder.enable_all().build().unwrap()
}

/// A thousand subscribers, each a task that waits; one operation is an element that one of them receives.
async fn publish(total: usize) {
    const SUBSCRIBERS: usize = 1000;
    let (sender, _) = broadcast::channel::<usize>(16);
    let received = Arc::new((AtomicUsize::new(0), Notify::new()));
    let tasks: Vec<_> = (0..SUBSCRIBERS)
        .map(|_| {
            let mut receiver = sender.subscribe();
            let received = received.clone();
            tokio::spawn(async move {
                let mut sum = 0;
                loop {
                    match receiver.recv().await {
                        Ok(element) => {
                            sum += element;
                            if received.0.fetch_add(1, Ordering::Relaxed) + 1 == SUBSCRIBERS {
                                received.1.notify_one();
                            }
                        }
                        Err(broadcast::error::RecvError::Closed) => return sum,
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        })
        .collect();
    yield_now().await;
    let count = total / SUBSCRIBERS;
    let measure = Measure::start();
    for element in 0..count {
        received.0.store(0, Ordering::Relaxed);
        sender.send(element).unwrap();
        received.1.notified().await;
    }
    drop(sender);
    for task in tasks {
        assert_eq!(task.await.unwrap(), count * count.saturating_sub(1) / 2);
    }
    measure.report("broadcast", count * SUBSCRIBERS);
}

/// As many tasks as there are workers do the work, each with objects of its own.
fn on_each(runtime: &Runtime, workers: usize, work: &str, count: usize) {
    runtime.block_on(async {
        let drivers: Vec<_> = (0..workers).map(|_| tokio::spawn(perform(work.to_string(), count))).collect();
        for driver in drivers {
            driver.await.unwrap();
        }
    });
}

async fn perform(work: String, count: usize) {
    match work.as_str() {
        "spawn" => {
            let mut left = count;
            while left > 0 {
                let tasks: Vec<_> = (0..left.min(1000)).map(|_| tokio::spawn(async {})).collect();
                left -= tasks.len();
                for task in tasks {
                    task.await.unwrap();
                }
            }
        }
        "switch" => {
            let each = count / 100;
            let tasks = (0..100).map(|_| tokio::spawn(async move { for _ in 0..each { yield_now().await } }));
            for task in tasks.collect::<Vec<_>>() {
                task.await.unwrap();
            }
        }
        "lock" => {
            let (each, lock) = (count / 100, Arc::new(Mutex::new(())));
            let tasks = (0..100).map(|_| {
                let lock = lock.clone();
                tokio::spawn(async move {
                    for _ in 0..each {
                        let _guard = lock.lock().await;
                        yield_now().await;
                    }
                })
            });
            for task in tasks.collect::<Vec<_>>() {
                task.await.unwrap();
            }
        }
        "queue" => {
            let (sender, mut receiver) = mpsc::channel::<usize>(1);
            let sending = tokio::spawn(async move { for item in 0..count { sender.send(item).await.unwrap() } });
            for _ in 0..count {
                receiver.recv().await.unwrap();
            }
            sending.await.unwrap();
        }
        _ => {
            for _ in 0..count {
                tokio::time::timeout(Duration::from_secs(10), async {}).await.unwrap();
            }
        }
    }
}

/// Four threads and a runtime send to another runtime.
fn mailbox(count: usize) {
    let each = count / 5;
    let (sender, mut receiver) = mpsc::channel::<(usize, usize)>(1024);
    let measure = Measure::start();
    let receiving = thread::spawn(move || {
        runtime(1).block_on(async {
            let mut next = [0; 5];
            for _ in 0..5 * each {
                let (sender, number) = receiver.recv().await.unwrap();
                assert_eq!(number, next[sender]);
                next[sender] += 1;
            }
        })
    });
    for index in 1..5 {
        let sender = sender.clone();
        thread::spawn(move || for number in 0..each { sender.blocking_send((index, number)).unwrap() });
    }
    thread::spawn(move || {
        runtime(1).block_on(async { for number in 0..each { sender.send((0, number)).await.unwrap() } })
    });
    receiving.join().unwrap();
    measure.report("mailbox", 5 * each);
}

async fn echo(port: u16) {
    unsafe {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
    }
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(([127, 0, 0, 1], port).into()).unwrap();
    let listener = socket.listen(4096).unwrap();
    println!("READY");
    std::io::stdout().flush().unwrap();
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { continue };
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            let mut buffer = Vec::<u8>::with_capacity(65536);
            loop {
                buffer.clear();
                match stream.read_buf(&mut buffer).await {
                    Ok(size) if size > 0 => {}
                    _ => return,
                }
                if stream.write_all(&buffer).await.is_err() {
                    return;
                }
            }
        });
    }
}

struct Measure {
    wall: Instant,
    cpu: f64,
}

impl Measure {
    fn start() -> Self {
        Measure { wall: Instant::now(), cpu: Self::cpu() }
    }

    fn report(self, bench: &str, count: usize) {
        let (wall, cpu) = (self.wall.elapsed().as_secs_f64(), Self::cpu() - self.cpu);
        println!("{{\"bench\": \"{bench}\", \"n\": {count}, \"wall_s\": {wall}, \"cpu_s\": {cpu}}}");
    }

    fn cpu() -> f64 {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
        time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
    }
}
