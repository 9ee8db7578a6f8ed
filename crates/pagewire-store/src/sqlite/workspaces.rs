//! The table `workspaces`.

use pagewire_types::WorkspaceId;

use super::SqliteStore;
use super::row::{micros, parsed, timestamp};
use crate::state::Answer;
use crate::state::workspaces::{Workspace, Workspaces};

impl Workspaces for SqliteStore {
    fn ensure_workspace(&self, workspace: Workspace) -> Answer<'_, ()> {
        Box::pin(async move {
            sqlx::query("INSERT INTO workspaces (id, plan, created_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING")
                .bind(workspace.id.as_str())
                .bind(&workspace.plan)
                .bind(micros(workspace.created_at))
                .execute(&self.writer)
                .await?;
            Ok(())
        })
    }

    fn workspace(&self, id: WorkspaceId) -> Answer<'_, Option<Workspace>> {
        Box::pin(async move {
            let row: Option<(String, String, i64)> =
                sqlx::query_as("SELECT id, plan, created_at FROM workspaces WHERE id = $1")
                    .bind(id.as_str())
                    .fetch_optional(&self.readers)
                    .await?;
            row.map(|(id, plan, created_at)| {
                Ok(Workspace { id: parsed(&id, "a workspace id")?, plan, created_at: timestamp(created_at)? })
            })
            .transpose()
        })
    }
}
