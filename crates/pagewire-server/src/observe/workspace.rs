//! A workspace's jobs as frames: `job:progress`, `job:completed`, `job:failed`.

use pagewire_engine::job::watch_workspace::{JobEnded, WorkspaceNews, WorkspaceWatch};

use super::body::{Events, json};
use super::encoding::FrameWriter;
use super::record::id_text;

impl Events for WorkspaceWatch {
    type Event = WorkspaceNews;

    async fn next(&mut self) -> Option<WorkspaceNews> {
        Self::next(self).await
    }

    fn write(&self, news: WorkspaceNews, frames: &mut FrameWriter) {
        match news {
            WorkspaceNews::Progress(jobs) => {
                for job in jobs {
                    frames.event("job:progress", &json(&job), None);
                }
            }
            WorkspaceNews::Ended(jobs) => {
                for job in jobs {
                    match job {
                        JobEnded::Completed(position, job) => {
                            frames.event("job:completed", &json(&job), Some(&id_text(position)));
                        }
                        JobEnded::Failed(position, job) => {
                            frames.event("job:failed", &json(&job), Some(&id_text(position)));
                        }
                    }
                }
            }
            WorkspaceNews::Draining => {
                frames.come_back("the server is shutting down; resume with Last-Event-ID");
            }
            WorkspaceNews::Failed => {
                frames.come_back("error: the events cannot be read on; resume with Last-Event-ID");
            }
        }
    }
}
