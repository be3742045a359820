//! A bucket in memory as one run sees it: at a chosen operation the run is suspended or killed, or the answer
//! of a put is lost, untrue, or comes before the put itself.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, Weak};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Read,
    /// A put under a condition: of data, or of a manifest.
    Put,
    /// A put without one, of a hint or a note.
    Note,
    Delete,
}

/// What happens at an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twist {
    /// The whole run is suspended for so long before the operation, or after it.
    SuspendBefore(Duration),
    SuspendAfter(Duration),
    /// The operation alone takes so long; the run may do other things meanwhile.
    Slow(Duration),
    /// The run is killed before the operation, or after it.
    DieBefore,
    DieAfter,
    /// It is done, but the answer is lost.
    LoseAnswer,
    /// It is not done, and the answer says as much as a lost one.
    Fail,
    /// It is not done, and the answer is a 409.
    Conflict,
    /// The answer is lost, and the operation is done so much later.
    Late(Duration),
}

/// Which operations meet which twist, by their number, what they do, and to which object.
pub type Plan = Box<dyn FnMut(usize, Kind, &str) -> Option<Twist> + Send>;

/// The bucket as one run sees it.
pub struct Weather {
    itself: Weak<Self>,
    bucket: Arc<InMemory>,
    plan: Mutex<Plan>,
    done: Mutex<Vec<(Kind, String)>>,
    asleep_until: Mutex<Option<Instant>>,
    /// The run has just been suspended.
    pub suspended: Notify,
    /// The run has just been killed.
    pub killed: Notify,
}

impl Weather {
    pub fn new(bucket: Arc<InMemory>, plan: Plan) -> Arc<Self> {
        Arc::new_cyclic(|itself| Self {
            itself: itself.clone(),
            bucket,
            plan: Mutex::new(plan),
            done: Mutex::default(),
            asleep_until: Mutex::default(),
            suspended: Notify::new(),
            killed: Notify::new(),
        })
    }

    /// Nothing ever happens.
    pub fn fair(bucket: Arc<InMemory>) -> Arc<Self> {
        Self::new(bucket, Box::new(|_, _, _| None))
    }

    /// One thing happens, at operation `at`.
    pub fn once(bucket: Arc<InMemory>, at: usize, twist: Twist) -> Arc<Self> {
        Self::new(bucket, Box::new(move |number, _, _| (number == at).then_some(twist)))
    }

    /// The operations so far.
    pub fn operations(&self) -> Vec<Kind> {
        self.done.lock().unwrap().iter().map(|(kind, _)| *kind).collect()
    }

    /// The conditional puts of data so far, by their number and path.
    pub fn data_puts(&self) -> Vec<(usize, String)> {
        let done = self.done.lock().unwrap();
        let puts = done
            .iter()
            .enumerate()
            .filter(|(_, (kind, path))| *kind == Kind::Put && path.ends_with(".parquet"));
        puts.map(|(number, (_, path))| (number, path.clone())).collect()
    }

    /// Runs a run under this weather: while it is suspended nothing of it moves, be it a timer or an answer.
    pub async fn over<T>(&self, run: impl Future<Output = T>) -> T {
        let (mut run, mut waking) = (pin!(run), pin!(sleep(Duration::ZERO)));
        poll_fn(|context| {
            let asleep = *self.asleep_until.lock().unwrap();
            if let Some(until) = asleep.filter(|until| *until > Instant::now()) {
                waking.as_mut().reset(until);
                if waking.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
            }
            run.as_mut().poll(context)
        })
        .await
    }

    async fn suspend(&self, time: Duration) {
        *self.asleep_until.lock().unwrap() = Some(Instant::now() + time);
        self.suspended.notify_one();
        sleep(time).await;
    }

    fn next(&self, kind: Kind, path: &Path) -> Option<Twist> {
        let mut done = self.done.lock().unwrap();
        done.push((kind, path.to_string()));
        (self.plan.lock().unwrap())(done.len() - 1, kind, path.as_ref())
    }

    async fn die<T>(&self) -> T {
        self.killed.notify_one();
        std::future::pending().await
    }

    /// The same for what is answered as a stream.
    fn stream<T: Send + 'static>(
        &self,
        kind: Kind,
        work: BoxStream<'static, Result<T>>,
    ) -> BoxStream<'static, Result<T>> {
        let weather = self.itself.upgrade().unwrap();
        let answering = async move {
            let answer = weather.through(kind, &Path::default(), work.try_collect::<Vec<T>>()).await?;
            Ok::<_, Error>(futures::stream::iter(answer.into_iter().map(Ok)))
        };
        futures::stream::once(answering).try_flatten().boxed()
    }

    async fn through<T: Send + 'static>(
        &self,
        kind: Kind,
        path: &Path,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        match self.next(kind, path) {
            None => work.await,
            Some(Twist::SuspendBefore(time)) => {
                self.suspend(time).await;
                work.await
            }
            Some(Twist::SuspendAfter(time)) => {
                let answer = work.await;
                self.suspend(time).await;
                answer
            }
            Some(Twist::Slow(time)) => {
                sleep(time).await;
                work.await
            }
            Some(Twist::DieBefore) => self.die().await,
            Some(Twist::DieAfter) => {
                drop(work.await);
                self.die().await
            }
            Some(Twist::LoseAnswer) => work.await.and_then(|_| Err(lost())),
            Some(Twist::Fail) => Err(lost()),
            Some(Twist::Conflict) => {
                Err(Error::AlreadyExists { path: path.to_string(), source: "409 Conflict".into() })
            }
            Some(Twist::Late(time)) => {
                tokio::spawn(async move {
                    sleep(time).await;
                    work.await
                });
                Err(lost())
            }
        }
    }
}

fn lost() -> Error {
    Error::Generic { store: "test", source: "the connection was reset".into() }
}

impl fmt::Debug for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Weather")
    }
}

impl fmt::Display for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Weather")
    }
}

#[async_trait]
impl ObjectStore for Weather {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let kind = if opts.mode == PutMode::Overwrite { Kind::Note } else { Kind::Put };
        let (bucket, path) = (self.bucket.clone(), location.clone());
        let put = async move { bucket.put_opts(&path, payload, opts).await };
        self.through(kind, location, put).await
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        unreachable!("a lake puts whole objects")
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let (bucket, path) = (self.bucket.clone(), location.clone());
        let get = async move { bucket.get_opts(&path, options).await };
        self.through(Kind::Read, location, get).await
    }

    /// Asked for one object at a time.
    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let bucket = self.bucket.clone();
        let delete = move |path: Path| {
            let bucket = bucket.clone();
            async move { bucket.delete(&path).await.map(|()| path) }
        };
        self.stream(Kind::Delete, locations.and_then(delete).boxed())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (bucket, prefix) = (self.bucket.clone(), prefix.cloned());
        let listing = async move { bucket.list(prefix.as_ref()) };
        self.stream(Kind::Read, futures::stream::once(listing).flatten().boxed())
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        unreachable!("a lake is listed by prefix")
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        unreachable!("a lake never copies")
    }
}
