-- When each schedule of exports runs next; what was due while no server ran is still due.
CREATE TABLE export_schedule (
  org_id uuid NOT NULL,
  kind text NOT NULL DEFAULT 'exportSchedule',
  id uuid NOT NULL,
  next_run_at timestamptz NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, kind, id) REFERENCES record ON DELETE CASCADE
);

CREATE INDEX export_schedule_due ON export_schedule (next_run_at);

-- The jobs of a schedule, newest first.
CREATE INDEX export_job_of_schedule ON export_job (org_id, schedule_id, dt_created DESC, id DESC)
  WHERE schedule_id IS NOT NULL;
-- Whether one of them is under way: one look, however many there have been.
CREATE INDEX export_job_under_way ON export_job (org_id, schedule_id)
  WHERE schedule_id IS NOT NULL AND status IN ('PENDING', 'RUNNING');
