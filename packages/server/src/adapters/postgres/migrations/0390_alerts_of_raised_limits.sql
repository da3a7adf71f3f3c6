-- A limit that is raised sets its alerts' thresholds higher: each is crossed, and told, by itself. A counter says how high
-- the highest was that its window has crossed, in hundredths of what it counts; alerts from before tell it.
ALTER TABLE budget_counter ADD COLUMN alerted_use numeric NOT NULL DEFAULT 0;
UPDATE budget_counter AS c SET alerted_use = told.use
FROM (
  SELECT org_id, budget_id, window_start, max("limit" * percent) AS use FROM budget_alert GROUP BY 1, 2, 3
) AS told
WHERE c.org_id = told.org_id AND c.budget_id = told.budget_id AND c.window_start = told.window_start;

ALTER TABLE budget_alert
  DROP CONSTRAINT budget_alert_pkey, ADD PRIMARY KEY (org_id, budget_id, window_start, percent, "limit");
