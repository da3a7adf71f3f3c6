-- A line that sums up those of several children names each of them: whichever bill settles one finds it, also the next parent's.
CREATE INDEX bill_line_of_summarized_key ON bill_line USING gin ((line->'summarized') jsonb_path_ops) WHERE line ? 'summarized';
