-- What the migrations make of an empty database, printed by `npm run schema` to be read in one place; the migrations say why.
-- A start adds an index for each field that a resource's declaration filters by (`resources/indexes.ts`).

CREATE OR REPLACE FUNCTION change_event_id(sequence bigint)
 RETURNS uuid
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (('00000000-0000-8000-8000-'::text || lpad(to_hex(sequence), 12, '0'::text)))::uuid;

CREATE OR REPLACE FUNCTION refuse_change_of_audit_log()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END
$function$;

CREATE TABLE access_key (
  access_key text NOT NULL,
  org_id uuid NOT NULL,
  service_user_kind text DEFAULT 'serviceUser'::text NOT NULL,
  service_user_id uuid NOT NULL,
  id uuid NOT NULL,
  secret_hash text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  created_by text NOT NULL,
  PRIMARY KEY (access_key),
  UNIQUE (id),
  CHECK (service_user_kind = 'serviceUser'::text),
  FOREIGN KEY (org_id, service_user_kind, service_user_id) REFERENCES record(org_id, kind, id) ON DELETE CASCADE
);
CREATE INDEX access_key_of_service_user ON access_key USING btree (org_id, service_user_id);

CREATE TABLE backfill_failures (
  org_id uuid NOT NULL,
  backfill_id uuid NOT NULL,
  failed_rows bigint NOT NULL,
  PRIMARY KEY (org_id, backfill_id),
  FOREIGN KEY (org_id) REFERENCES organization(id)
);

CREATE TABLE bill (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  account_kind text DEFAULT 'account'::text NOT NULL,
  account_id uuid NOT NULL,
  bill_date date NOT NULL,
  currency text NOT NULL,
  billing_frequency text NOT NULL,
  billing_interval integer NOT NULL,
  status text NOT NULL,
  is_locked boolean DEFAULT false NOT NULL,
  job_id uuid NOT NULL,
  starts_at timestamp with time zone NOT NULL,
  ends_at timestamp with time zone NOT NULL,
  start_date date NOT NULL,
  end_date date NOT NULL,
  due_date date NOT NULL,
  external_invoice_date date NOT NULL,
  time_zone text NOT NULL,
  total numeric NOT NULL,
  last_calculated_at timestamp with time zone NOT NULL,
  facts text NOT NULL,
  dt_created timestamp with time zone NOT NULL,
  dt_last_modified timestamp with time zone NOT NULL,
  created_by text NOT NULL,
  last_modified_by text NOT NULL,
  group_key text NOT NULL,
  invoice_number text,
  request jsonb DEFAULT '{}'::jsonb NOT NULL,
  approved_at timestamp with time zone,
  approved_by text,
  locked_at timestamp with time zone,
  locked_by text,
  is_locked_by_date boolean DEFAULT false NOT NULL,
  usage_mark text,
  usage_reach jsonb,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, account_id, bill_date, currency, group_key),
  CHECK (NOT is_locked OR status = 'APPROVED'::text),
  CHECK (NOT is_locked_by_date OR is_locked),
  CHECK (account_kind = 'account'::text),
  CHECK (status = ANY (ARRAY['PENDING'::text, 'APPROVED'::text])),
  FOREIGN KEY (org_id) REFERENCES organization(id),
  FOREIGN KEY (org_id, account_kind, account_id) REFERENCES record(org_id, kind, id)
);
CREATE INDEX bill_newest ON bill USING btree (org_id, dt_created DESC, id DESC);
CREATE INDEX bill_of_account ON bill USING btree (org_id, account_id, bill_date DESC);
CREATE INDEX bill_of_date ON bill USING btree (org_id, bill_date, billing_frequency);
CREATE INDEX bill_of_job ON bill USING btree (org_id, job_id);
CREATE INDEX bill_pending ON bill USING btree (org_id, end_date) WHERE (status = 'PENDING'::text);

CREATE TABLE bill_correction (
  org_id uuid NOT NULL,
  bill_id uuid NOT NULL,
  key text NOT NULL,
  corrected_bill_id uuid NOT NULL,
  correction jsonb NOT NULL,
  PRIMARY KEY (org_id, bill_id, key),
  FOREIGN KEY (org_id, bill_id) REFERENCES bill(org_id, id) ON DELETE CASCADE,
  FOREIGN KEY (org_id, corrected_bill_id) REFERENCES bill(org_id, id) ON DELETE CASCADE
);
CREATE INDEX bill_correction_of_bill ON bill_correction USING btree (org_id, corrected_bill_id);

CREATE TABLE bill_draw_down (
  org_id uuid NOT NULL,
  bill_id uuid NOT NULL,
  line_key text NOT NULL,
  credit_kind text NOT NULL,
  credit_id uuid NOT NULL,
  amount numeric NOT NULL,
  drawn_from timestamp with time zone NOT NULL,
  drawn_to timestamp with time zone NOT NULL,
  PRIMARY KEY (org_id, bill_id, line_key),
  CHECK (credit_kind = ANY (ARRAY['COMMITMENT'::text, 'BALANCE'::text])),
  FOREIGN KEY (org_id, bill_id) REFERENCES bill(org_id, id) ON DELETE CASCADE
);
CREATE INDEX bill_draw_down_of_credit ON bill_draw_down USING btree (org_id, credit_id);

CREATE TABLE bill_job (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  type text NOT NULL,
  status text NOT NULL,
  request jsonb NOT NULL,
  dt_created timestamp with time zone NOT NULL,
  dt_last_modified timestamp with time zone NOT NULL,
  created_by text NOT NULL,
  last_modified_by text NOT NULL,
  PRIMARY KEY (org_id, id),
  CHECK (status = ANY (ARRAY['PENDING'::text, 'INITIALIZING'::text, 'RUNNING'::text, 'COMPLETE'::text, 'CANCELLED'::text])),
  CHECK (type = ANY (ARRAY['CREATE'::text, 'RECALCULATE'::text])),
  FOREIGN KEY (org_id) REFERENCES organization(id)
);
CREATE INDEX bill_job_newest ON bill_job USING btree (org_id, dt_created DESC, id DESC);

CREATE TABLE bill_job_account (
  org_id uuid NOT NULL,
  job_id uuid NOT NULL,
  account_id uuid NOT NULL,
  is_done boolean DEFAULT false NOT NULL,
  failures jsonb DEFAULT '[]'::jsonb NOT NULL,
  PRIMARY KEY (org_id, job_id, account_id),
  FOREIGN KEY (org_id, job_id) REFERENCES bill_job(org_id, id) ON DELETE CASCADE
);

CREATE TABLE bill_line (
  org_id uuid NOT NULL,
  bill_id uuid NOT NULL,
  id uuid NOT NULL,
  sequence_number integer NOT NULL,
  key text NOT NULL,
  line_item_type text NOT NULL,
  converted_subtotal numeric NOT NULL,
  line jsonb NOT NULL,
  PRIMARY KEY (org_id, bill_id, id),
  UNIQUE (org_id, bill_id, key),
  FOREIGN KEY (org_id, bill_id) REFERENCES bill(org_id, id) ON DELETE CASCADE
);
CREATE INDEX bill_line_newest ON bill_line USING btree (org_id, id DESC);
CREATE INDEX bill_line_of_advance_key ON bill_line USING btree (org_id, key) WHERE (line_item_type = ANY (ARRAY['STANDING_CHARGE'::text, 'MINIMUM_SPEND'::text, 'COUNTER_RUNNING_TOTAL_CHARGE'::text]));
CREATE INDEX bill_line_of_commitment ON bill_line USING btree (org_id, ((line ->> 'commitmentId'::text)), id DESC) WHERE (line ? 'commitmentId'::text);
CREATE INDEX bill_line_of_summarized_key ON bill_line USING gin (((line -> 'summarized'::text)) jsonb_path_ops) WHERE (line ? 'summarized'::text);

CREATE TABLE bill_memo (
  org_id uuid NOT NULL,
  bill_id uuid NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  line_item_type text NOT NULL,
  document jsonb NOT NULL,
  memo jsonb NOT NULL,
  dt_created timestamp with time zone NOT NULL,
  dt_last_modified timestamp with time zone NOT NULL,
  created_by text NOT NULL,
  last_modified_by text NOT NULL,
  PRIMARY KEY (org_id, bill_id, id),
  CHECK (line_item_type = ANY (ARRAY['CREDIT_MEMO'::text, 'DEBIT_MEMO'::text])),
  FOREIGN KEY (org_id, bill_id) REFERENCES bill(org_id, id) ON DELETE CASCADE
);
CREATE INDEX bill_memo_newest ON bill_memo USING btree (org_id, bill_id, dt_created DESC, id DESC);

CREATE TABLE bill_schedule (
  org_id uuid NOT NULL,
  last_run_at timestamp with time zone NOT NULL,
  PRIMARY KEY (org_id),
  FOREIGN KEY (org_id) REFERENCES organization(id)
);

CREATE TABLE bill_sequence (
  org_id uuid NOT NULL,
  last bigint NOT NULL,
  PRIMARY KEY (org_id),
  FOREIGN KEY (org_id) REFERENCES organization(id)
);

CREATE TABLE budget_alert (
  org_id uuid NOT NULL,
  budget_id text NOT NULL,
  window_start bigint NOT NULL,
  percent integer NOT NULL,
  used numeric NOT NULL,
  "limit" numeric NOT NULL,
  event_id uuid DEFAULT gen_random_uuid(),
  at timestamp with time zone DEFAULT clock_timestamp(),
  PRIMARY KEY (org_id, budget_id, window_start, percent, "limit")
);
CREATE INDEX budget_alert_as_event ON budget_alert USING btree (org_id, at DESC, event_id DESC) WHERE (at IS NOT NULL);

CREATE TABLE budget_counter (
  org_id uuid NOT NULL,
  budget_id text NOT NULL,
  window_start bigint NOT NULL,
  posted numeric NOT NULL,
  held numeric NOT NULL,
  alerted integer NOT NULL,
  alerted_use numeric DEFAULT 0 NOT NULL,
  PRIMARY KEY (org_id, budget_id, window_start),
  CHECK (held >= 0::numeric)
) WITH (fillfactor=70);

CREATE TABLE change (
  sequence bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  org_id uuid NOT NULL,
  at timestamp with time zone NOT NULL,
  principal text NOT NULL,
  kind text NOT NULL,
  record_id uuid NOT NULL,
  action text NOT NULL,
  before jsonb,
  after jsonb,
  PRIMARY KEY (sequence),
  CHECK (action = ANY (ARRAY['created'::text, 'updated'::text, 'deleted'::text])),
  FOREIGN KEY (org_id) REFERENCES organization(id)
);
CREATE INDEX change_as_event ON change USING btree (org_id, at DESC, change_event_id(sequence) DESC);
CREATE INDEX change_of_organization ON change USING btree (org_id, sequence DESC);
CREATE INDEX change_of_record ON change USING btree (org_id, record_id, sequence DESC);
CREATE INDEX change_removed_account_plan ON change USING btree (org_id, ((before ->> 'accountId'::text))) WHERE ((kind = 'accountPlan'::text) AND (action = 'deleted'::text));
CREATE TRIGGER change_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON change FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit_log();

CREATE TABLE concurrency_count (
  org_id uuid NOT NULL,
  concurrency_limit_id text NOT NULL,
  held integer NOT NULL,
  PRIMARY KEY (org_id, concurrency_limit_id),
  CHECK (held >= 0)
) WITH (fillfactor=70);

CREATE TABLE event (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  at timestamp with time zone NOT NULL,
  name text NOT NULL,
  detail jsonb NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id) REFERENCES organization(id)
);
CREATE INDEX event_newest ON event USING btree (org_id, at DESC, id DESC);
CREATE INDEX event_oldest ON event USING btree (at);

CREATE TABLE export_job (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  schedule_id uuid,
  status text NOT NULL,
  request jsonb NOT NULL,
  stored_as text,
  failure_reason text,
  dt_created timestamp with time zone NOT NULL,
  started_at timestamp with time zone,
  finished_at timestamp with time zone,
  created_by text NOT NULL,
  PRIMARY KEY (org_id, id),
  CHECK ((failure_reason IS NULL) = (status <> 'FAILED'::text)),
  CHECK (status = ANY (ARRAY['PENDING'::text, 'RUNNING'::text, 'SUCCEEDED'::text, 'FAILED'::text])),
  FOREIGN KEY (org_id) REFERENCES organization(id)
);
CREATE INDEX export_job_file ON export_job USING btree (finished_at) WHERE (stored_as IS NOT NULL);
CREATE INDEX export_job_newest ON export_job USING btree (org_id, dt_created DESC, id DESC);
CREATE INDEX export_job_of_schedule ON export_job USING btree (org_id, schedule_id, dt_created DESC, id DESC) WHERE (schedule_id IS NOT NULL);
CREATE INDEX export_job_under_way ON export_job USING btree (org_id, schedule_id) WHERE ((schedule_id IS NOT NULL) AND (status = ANY (ARRAY['PENDING'::text, 'RUNNING'::text])));

CREATE TABLE export_schedule (
  org_id uuid NOT NULL,
  kind text DEFAULT 'exportSchedule'::text NOT NULL,
  id uuid NOT NULL,
  next_run_at timestamp with time zone NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, kind, id) REFERENCES record(org_id, kind, id) ON DELETE CASCADE
);
CREATE INDEX export_schedule_due ON export_schedule USING btree (next_run_at);

CREATE TABLE failed_ingest (
  org_id uuid NOT NULL,
  event_id uuid NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (org_id, event_id),
  FOREIGN KEY (org_id, event_id) REFERENCES event(org_id, id) ON DELETE CASCADE
);

CREATE TABLE installation (
  name text NOT NULL,
  key_id text NOT NULL,
  sealed bytea NOT NULL,
  PRIMARY KEY (name)
);

CREATE TABLE integration_run (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  config_id uuid NOT NULL,
  entity_type text NOT NULL,
  entity_id text NOT NULL,
  destination text NOT NULL,
  destination_id text,
  status text NOT NULL,
  log jsonb NOT NULL,
  dt_created timestamp with time zone NOT NULL,
  dt_last_modified timestamp with time zone NOT NULL,
  created_by text NOT NULL,
  last_modified_by text NOT NULL,
  PRIMARY KEY (org_id, id),
  CHECK (status = ANY (ARRAY['WAITING'::text, 'STARTED'::text, 'COMPLETE'::text, 'ERROR'::text, 'AWAITING_RETRY'::text, 'AUTH_FAILED'::text, 'ACCOUNTING_PERIOD_CLOSED'::text, 'INVOICE_ALREADY_PAID'::text, 'DISABLED'::text, 'TIMEOUT_LIMIT_EXCEEDED'::text, 'RATE_LIMIT_RETRY'::text])),
  FOREIGN KEY (org_id) REFERENCES organization(id)
);
CREATE INDEX integration_run_as_event ON integration_run USING btree (org_id, dt_last_modified DESC, id DESC) WHERE (status = ANY (ARRAY['DISABLED'::text, 'AUTH_FAILED'::text, 'ERROR'::text]));
CREATE INDEX integration_run_of_destination ON integration_run USING btree (org_id, destination_id, dt_created DESC, id DESC);
CREATE INDEX integration_run_of_entity ON integration_run USING btree (org_id, entity_type, entity_id, dt_created DESC, id DESC);

CREATE TABLE ledger_account (
  org_id uuid NOT NULL,
  account text NOT NULL,
  is_frozen boolean DEFAULT false NOT NULL,
  features text[],
  blocks_free_on_debt boolean DEFAULT false NOT NULL,
  purse text,
  has_wallet boolean DEFAULT false NOT NULL,
  PRIMARY KEY (account, org_id)
) WITH (fillfactor=70);
CREATE INDEX ledger_account_with_wallet ON ledger_account USING btree (org_id, account) WHERE has_wallet;

CREATE TABLE ledger_authorization (
  org_id uuid NOT NULL,
  id text NOT NULL,
  account text NOT NULL,
  state text NOT NULL,
  terms text NOT NULL,
  held numeric NOT NULL,
  held_quantity numeric NOT NULL,
  settled numeric NOT NULL,
  settled_quantity numeric NOT NULL,
  refunded numeric NOT NULL,
  refunded_quantity numeric NOT NULL,
  shortfall numeric NOT NULL,
  debt numeric NOT NULL,
  legs text NOT NULL,
  valid_until bigint,
  answer text NOT NULL,
  occurred_at bigint NOT NULL,
  further text,
  PRIMARY KEY (id, org_id)
) WITH (fillfactor=80);
CREATE INDEX ledger_authorization_due ON ledger_authorization USING btree (valid_until) WHERE (state = 'HELD'::text);
CREATE INDEX ledger_authorization_held ON ledger_authorization USING btree (org_id, account, valid_until) WHERE (state = 'HELD'::text);
CREATE INDEX ledger_authorization_occurred ON ledger_authorization USING btree (account, org_id, occurred_at);

CREATE TABLE ledger_decision (
  org_id uuid NOT NULL,
  id text COLLATE "C" NOT NULL,
  fingerprint text NOT NULL,
  outcome json NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE TABLE ledger_grant (
  org_id uuid NOT NULL,
  id text NOT NULL,
  account text NOT NULL,
  asset text NOT NULL,
  amount numeric NOT NULL,
  state text NOT NULL,
  remaining numeric NOT NULL,
  held numeric NOT NULL,
  consumed numeric NOT NULL,
  breakage numeric NOT NULL,
  transferred numeric NOT NULL,
  due_at bigint,
  terms json NOT NULL,
  is_open boolean NOT NULL,
  PRIMARY KEY (org_id, id),
  CHECK (amount = (remaining + held + consumed + breakage + transferred)),
  CHECK (breakage >= 0::numeric),
  CHECK (consumed >= 0::numeric),
  CHECK (held >= 0::numeric),
  CHECK (remaining >= 0::numeric),
  CHECK (state = ANY (ARRAY['scheduled'::text, 'active'::text, 'ended'::text])),
  CHECK (transferred >= 0::numeric)
) WITH (fillfactor=70);
CREATE INDEX ledger_grant_due ON ledger_grant USING btree (due_at) WHERE (is_open AND (due_at IS NOT NULL));
CREATE INDEX ledger_grant_of_account ON ledger_grant USING btree (account, org_id, id);

CREATE TABLE ledger_record (
  org_id uuid NOT NULL,
  kind text NOT NULL,
  id uuid NOT NULL,
  PRIMARY KEY (id, kind, org_id)
);

CREATE TABLE lookup_data (
  org_id uuid NOT NULL,
  kind text DEFAULT 'lookupTableRevision'::text NOT NULL,
  revision_id uuid NOT NULL,
  version bigint NOT NULL,
  dt_created timestamp with time zone NOT NULL,
  dt_last_modified timestamp with time zone NOT NULL,
  created_by text NOT NULL,
  last_modified_by text NOT NULL,
  PRIMARY KEY (org_id, revision_id),
  FOREIGN KEY (org_id, kind, revision_id) REFERENCES record(org_id, kind, id) ON DELETE CASCADE
);

CREATE TABLE lookup_item (
  org_id uuid NOT NULL,
  revision_id uuid NOT NULL,
  lookup_key text NOT NULL,
  item jsonb NOT NULL,
  PRIMARY KEY (org_id, revision_id, lookup_key),
  FOREIGN KEY (org_id, revision_id) REFERENCES lookup_data(org_id, revision_id) ON DELETE CASCADE
);

CREATE TABLE lookup_job (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  kind text DEFAULT 'lookupTableRevision'::text NOT NULL,
  revision_id uuid NOT NULL,
  table_id uuid NOT NULL,
  destination_id uuid,
  type text NOT NULL,
  status text NOT NULL,
  file_name text,
  content_type text,
  failure_reason text,
  version bigint NOT NULL,
  data_version bigint,
  job_date timestamp with time zone NOT NULL,
  content_length bigint,
  stored_as text,
  PRIMARY KEY (org_id, id),
  CHECK (status = ANY (ARRAY['PENDING'::text, 'FAILED'::text, 'SUCCEEDED'::text])),
  CHECK (type = ANY (ARRAY['COPY'::text, 'UPLOAD'::text, 'DOWNLOAD'::text, 'ARCHIVE'::text])),
  FOREIGN KEY (org_id, kind, revision_id) REFERENCES record(org_id, kind, id) ON DELETE CASCADE
);
CREATE INDEX lookup_job_newest ON lookup_job USING btree (org_id, revision_id, job_date DESC, id DESC);

CREATE TABLE migration (
  name text NOT NULL,
  sha256 text NOT NULL,
  PRIMARY KEY (name)
);

CREATE TABLE organization (
  id uuid NOT NULL,
  created_at timestamp with time zone NOT NULL,
  PRIMARY KEY (id)
);

CREATE TABLE posting (
  sequence bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  org_id uuid NOT NULL,
  transaction text NOT NULL,
  kind text NOT NULL,
  asset text NOT NULL,
  account text,
  grant_id text,
  authorization_id text,
  amount numeric NOT NULL,
  at bigint NOT NULL
);
CREATE INDEX posting_of_account ON posting USING btree (account, org_id, sequence DESC);

CREATE TABLE price_version (
  org_id uuid NOT NULL,
  version text NOT NULL,
  price json NOT NULL,
  PRIMARY KEY (org_id, version)
);

CREATE TABLE principal_permission (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  policy_kind text DEFAULT 'permissionPolicy'::text NOT NULL,
  policy_id uuid NOT NULL,
  principal_type text NOT NULL,
  principal_id text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  created_by text NOT NULL,
  PRIMARY KEY (org_id, principal_type, principal_id, policy_id),
  CHECK (policy_kind = 'permissionPolicy'::text),
  CHECK (principal_type = ANY (ARRAY['USER'::text, 'USERGROUP'::text, 'SERVICEUSER'::text, 'SUPPORTUSERS'::text])),
  FOREIGN KEY (org_id, policy_kind, policy_id) REFERENCES record(org_id, kind, id)
);
CREATE INDEX principal_permission_of_policy ON principal_permission USING btree (org_id, policy_id);

CREATE TABLE rate_bucket (
  org_id uuid NOT NULL,
  rate_limit_id text NOT NULL,
  full_at_ns numeric(38,0) NOT NULL,
  slots json NOT NULL,
  PRIMARY KEY (org_id, rate_limit_id)
) WITH (fillfactor=70);

CREATE TABLE record (
  org_id uuid NOT NULL,
  kind text NOT NULL,
  id uuid NOT NULL,
  parent_id uuid,
  code text,
  folded_code text,
  version bigint NOT NULL,
  document jsonb NOT NULL,
  dt_created timestamp with time zone NOT NULL,
  dt_last_modified timestamp with time zone NOT NULL,
  created_by text NOT NULL,
  last_modified_by text NOT NULL,
  PRIMARY KEY (org_id, kind, id),
  FOREIGN KEY (org_id) REFERENCES organization(id)
);
CREATE INDEX record_limited_account ON record USING btree (org_id, COALESCE((document #>> '{scope,account}'::text[]), (document ->> 'account'::text))) WHERE (kind = ANY (ARRAY['autoTopUp'::text, 'budget'::text, 'concurrencyLimit'::text, 'rateLimit'::text]));
CREATE INDEX record_newest ON record USING btree (org_id, kind, dt_created DESC, id DESC);
CREATE INDEX record_of_code ON record USING btree (org_id, kind, code) WHERE (code IS NOT NULL);
CREATE INDEX record_of_folded_code ON record USING btree (org_id, kind, folded_code) WHERE (folded_code IS NOT NULL);
CREATE INDEX record_of_parent ON record USING btree (org_id, parent_id, kind, dt_created DESC, id DESC) WHERE (parent_id IS NOT NULL);
CREATE INDEX resource_group_item_target ON record USING btree (org_id, ((document ->> 'targetId'::text))) WHERE (kind = 'resourceGroupItem'::text);

CREATE TABLE record_secret (
  org_id uuid NOT NULL,
  kind text NOT NULL,
  id uuid NOT NULL,
  key_id text NOT NULL,
  sealed bytea NOT NULL,
  PRIMARY KEY (org_id, kind, id),
  FOREIGN KEY (org_id, kind, id) REFERENCES record(org_id, kind, id) ON DELETE CASCADE
);

CREATE TABLE reference (
  org_id uuid NOT NULL,
  from_kind text NOT NULL,
  from_id uuid NOT NULL,
  field text NOT NULL,
  to_kind text NOT NULL,
  to_id uuid NOT NULL,
  PRIMARY KEY (org_id, from_kind, from_id, field, to_id),
  FOREIGN KEY (org_id, from_kind, from_id) REFERENCES record(org_id, kind, id) ON DELETE CASCADE,
  FOREIGN KEY (org_id, to_kind, to_id) REFERENCES record(org_id, kind, id)
);
CREATE INDEX reference_to ON reference USING btree (org_id, to_kind, to_id, from_kind, field);

CREATE TABLE statement (
  org_id uuid NOT NULL,
  bill_id uuid NOT NULL,
  format text NOT NULL,
  job_id uuid,
  is_stale boolean DEFAULT false NOT NULL,
  body text NOT NULL,
  made_at timestamp with time zone NOT NULL,
  PRIMARY KEY (org_id, bill_id, format),
  CHECK (format = ANY (ARRAY['JSON'::text, 'CSV'::text])),
  FOREIGN KEY (org_id, bill_id) REFERENCES bill(org_id, id) ON DELETE CASCADE
);

CREATE TABLE statement_job (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  bill_id uuid NOT NULL,
  status text NOT NULL,
  includes_csv boolean NOT NULL,
  meter_ids jsonb DEFAULT '[]'::jsonb NOT NULL,
  dt_created timestamp with time zone NOT NULL,
  dt_last_modified timestamp with time zone NOT NULL,
  created_by text NOT NULL,
  last_modified_by text NOT NULL,
  PRIMARY KEY (org_id, id),
  CHECK (status = ANY (ARRAY['PENDING'::text, 'RUNNING'::text, 'COMPLETE'::text, 'CANCELLED'::text, 'FAILED'::text])),
  FOREIGN KEY (org_id, bill_id) REFERENCES bill(org_id, id) ON DELETE CASCADE
);
CREATE INDEX statement_job_newest ON statement_job USING btree (org_id, dt_created DESC, id DESC);
CREATE INDEX statement_job_of_bill ON statement_job USING btree (org_id, bill_id, dt_created DESC, id DESC);

CREATE TABLE top_up (
  org_id uuid NOT NULL,
  id text NOT NULL,
  account text NOT NULL,
  asset text NOT NULL,
  credit_amount numeric NOT NULL,
  charge_amount text NOT NULL,
  state text NOT NULL,
  rule_id text,
  payment text,
  is_requested boolean DEFAULT false NOT NULL,
  payment_method text,
  PRIMARY KEY (org_id, id),
  CHECK (credit_amount > 0::numeric),
  CHECK (state = ANY (ARRAY['pending'::text, 'credited'::text, 'failed'::text]))
);
CREATE UNIQUE INDEX top_up_in_flight ON top_up USING btree (org_id, rule_id) WHERE ((state = 'pending'::text) AND (rule_id IS NOT NULL));
CREATE INDEX top_up_of_account ON top_up USING btree (account, org_id, id);
CREATE UNIQUE INDEX top_up_payment ON top_up USING btree (org_id, payment) WHERE (state = 'credited'::text);
CREATE INDEX top_up_pending ON top_up USING btree (org_id, account) WHERE (state = 'pending'::text);
CREATE INDEX top_up_unrequested ON top_up USING btree (org_id, id) WHERE ((state = 'pending'::text) AND (NOT is_requested));

CREATE TABLE top_up_rule (
  org_id uuid NOT NULL,
  id text NOT NULL,
  payment_method text NOT NULL,
  in_flight text,
  started_at json NOT NULL,
  failures integer NOT NULL,
  is_suspended boolean NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE TABLE unique_value (
  org_id uuid NOT NULL,
  kind text NOT NULL,
  field text NOT NULL,
  value text NOT NULL,
  id uuid NOT NULL,
  PRIMARY KEY (org_id, kind, field, value),
  FOREIGN KEY (org_id, kind, id) REFERENCES record(org_id, kind, id) ON DELETE CASCADE
);
CREATE INDEX unique_value_of_record ON unique_value USING btree (org_id, kind, id);

CREATE TABLE usage_name (
  org_id uuid NOT NULL,
  uid text NOT NULL,
  part text,
  stored_as text NOT NULL,
  PRIMARY KEY (org_id, uid)
);
CREATE INDEX usage_name_stored_as ON usage_name USING btree (stored_as);

CREATE TABLE usage_outbox (
  sequence bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  org_id uuid NOT NULL,
  measurements text NOT NULL,
  refusal text,
  count integer NOT NULL,
  event_id uuid,
  refused_at timestamp with time zone,
  PRIMARY KEY (sequence),
  CHECK (count > 0)
);
CREATE INDEX usage_outbox_as_event ON usage_outbox USING btree (org_id, refused_at DESC, event_id DESC) WHERE (refused_at IS NOT NULL);

CREATE TABLE usage_position (
  org_id uuid NOT NULL,
  id text NOT NULL,
  posted numeric NOT NULL,
  held numeric NOT NULL,
  before numeric DEFAULT 0 NOT NULL,
  PRIMARY KEY (org_id, id),
  CHECK (held >= 0::numeric)
) WITH (fillfactor=70);

CREATE TABLE usage_refund (
  org_id uuid NOT NULL,
  of text NOT NULL,
  uid text NOT NULL,
  PRIMARY KEY (org_id, of, uid)
);

CREATE TABLE usage_store (
  is_only boolean DEFAULT true NOT NULL,
  id uuid NOT NULL,
  mark text,
  PRIMARY KEY (is_only),
  CHECK (is_only)
);

CREATE TABLE usage_unheard (
  after_batch bigint NOT NULL,
  last_batch bigint NOT NULL,
  PRIMARY KEY (after_batch, last_batch)
);

CREATE TABLE usage_upload (
  org_id uuid NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  file_name text NOT NULL,
  content_type text NOT NULL,
  content_length bigint NOT NULL,
  status text NOT NULL,
  stored_as text,
  failure_reason text,
  total_rows bigint,
  processed_rows bigint DEFAULT 0 NOT NULL,
  failed_rows bigint DEFAULT 0 NOT NULL,
  is_in_doubt boolean DEFAULT false NOT NULL,
  created_at timestamp with time zone NOT NULL,
  PRIMARY KEY (org_id, id),
  CHECK ((stored_as IS NULL) = (status = 'notUploaded'::text)),
  CHECK (status = ANY (ARRAY['notUploaded'::text, 'running'::text, 'failed'::text, 'succeeded'::text])),
  FOREIGN KEY (org_id) REFERENCES organization(id)
);
CREATE INDEX usage_upload_newest ON usage_upload USING btree (org_id, created_at DESC, id DESC);

CREATE TABLE usage_void (
  sequence bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  org_id uuid NOT NULL,
  uid text NOT NULL,
  account text NOT NULL,
  occurred_at bigint NOT NULL,
  refund text NOT NULL,
  PRIMARY KEY (sequence)
);
CREATE INDEX usage_void_of_uid ON usage_void USING btree (org_id, uid);

CREATE VIEW event_feed AS
 SELECT change.org_id,
    change_event_id(change.sequence) AS id,
    change.at,
    NULL::text AS name,
    change.kind,
    change.action,
    change.record_id,
    change.before,
    change.after
   FROM change
UNION ALL
 SELECT event.org_id,
    event.id,
    event.at,
    event.name,
    NULL::text AS kind,
    NULL::text AS action,
    NULL::uuid AS record_id,
    NULL::jsonb AS before,
    event.detail AS after
   FROM event
UNION ALL
 SELECT integration_run.org_id,
    integration_run.id,
    integration_run.dt_last_modified AS at,
        CASE integration_run.status
            WHEN 'DISABLED'::text THEN 'integration.disabled.error'::text
            WHEN 'AUTH_FAILED'::text THEN 'integration.authentication.error'::text
            ELSE 'integration.perform.error'::text
        END AS name,
    NULL::text AS kind,
    NULL::text AS action,
    NULL::uuid AS record_id,
    NULL::jsonb AS before,
    jsonb_strip_nulls(jsonb_build_object('id', integration_run.id, 'entityType', integration_run.entity_type, 'entityId', integration_run.entity_id, 'destination', integration_run.destination, 'destinationId', integration_run.destination_id, 'status', integration_run.status, 'error', (integration_run.log -> '-1'::integer) ->> 'message'::text, 'dtCreated', integration_run.dt_created, 'dtLastModified', integration_run.dt_last_modified)) AS after
   FROM integration_run
  WHERE integration_run.status = ANY (ARRAY['DISABLED'::text, 'AUTH_FAILED'::text, 'ERROR'::text])
UNION ALL
 SELECT budget_alert.org_id,
    budget_alert.event_id AS id,
    budget_alert.at,
    'authorization.budget.alert'::text AS name,
    NULL::text AS kind,
    NULL::text AS action,
    NULL::uuid AS record_id,
    NULL::jsonb AS before,
    jsonb_build_object('budgetId', budget_alert.budget_id, 'percent', budget_alert.percent, 'windowStart', to_char((to_timestamp((budget_alert.window_start::numeric / 1000.0)::double precision) AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'::text)) AS after
   FROM budget_alert
  WHERE budget_alert.at IS NOT NULL
UNION ALL
 SELECT usage_outbox.org_id,
    usage_outbox.event_id AS id,
    usage_outbox.refused_at AS at,
    'authorization.usage.refused'::text AS name,
    NULL::text AS kind,
    NULL::text AS action,
    NULL::uuid AS record_id,
    NULL::jsonb AS before,
    jsonb_build_object('reason', usage_outbox.refusal, 'measurement', usage_outbox.measurements::jsonb -> 0) AS after
   FROM usage_outbox
  WHERE usage_outbox.refused_at IS NOT NULL;

CREATE VIEW grant_standing AS
 SELECT g.org_id,
    g.id,
    g.account,
    g.asset,
    g.amount,
    g.state,
    g.terms,
        CASE
            WHEN g.is_open THEN COALESCE(own.remaining, 0::numeric)
            ELSE g.remaining
        END AS remaining,
        CASE
            WHEN g.is_open THEN COALESCE(own.held, 0::numeric)
            ELSE g.held
        END AS held,
        CASE
            WHEN g.is_open THEN COALESCE(own.consumed, 0::numeric)
            ELSE g.consumed
        END AS consumed,
        CASE
            WHEN g.is_open THEN COALESCE(own.breakage, 0::numeric)
            ELSE g.breakage
        END AS breakage,
        CASE
            WHEN g.is_open THEN COALESCE(own.transferred, 0::numeric)
            ELSE g.transferred
        END AS transferred
   FROM ledger_grant g
     LEFT JOIN LATERAL ( SELECT open.id,
            open.remaining,
            open.held,
            open.consumed,
            open.breakage,
            open.transferred
           FROM ledger_account a
             CROSS JOIN LATERAL json_to_recordset(a.purse::json -> 'grants'::text) open(id text, remaining numeric, held numeric, consumed numeric, breakage numeric, transferred numeric)
          WHERE g.is_open AND a.org_id = g.org_id AND a.account = g.account AND open.id = g.id) own ON true;

CREATE VIEW usage_payment AS
 SELECT org_id,
    account,
    (terms::json -> 'spender'::text) ->> 'meter'::text AS meter,
    (terms::json -> 'spender'::text) ->> 'asset'::text AS asset,
    settled - refunded - shortfall AS debited,
    shortfall,
    occurred_at,
    id,
    state,
    (terms::json ->> 'priceVersion'::text) IS NOT NULL OR (terms::json ->> 'fingerprint'::text) = 'true-up'::text AS is_for_plan,
    "substring"(terms::json ->> 'position'::text, '/(.*)$'::text) AS plan_owner,
    (terms::json ->> 'authorizedAt'::text)::bigint AS authorized_at
   FROM ledger_authorization;

CREATE VIEW wallet_account AS
 SELECT ledger_account.org_id,
    ledger_account.account,
    own.asset,
    COALESCE(own.credited, 0::numeric) AS credited,
    COALESCE(own.debited, 0::numeric) AS debited,
    COALESCE(own.held, 0::numeric) AS held,
    COALESCE(own.debt, 0::numeric) AS debt,
    COALESCE(own."debtLimit", 0::numeric) AS debt_limit,
    own.mode,
    own."seenAt" AS seen_at
   FROM ledger_account
     CROSS JOIN LATERAL json_to_recordset(ledger_account.purse::json -> 'walletAccounts'::text) own(asset text, credited numeric, debited numeric, held numeric, debt numeric, "debtLimit" numeric, mode text, "seenAt" bigint)
  WHERE ledger_account.has_wallet;
