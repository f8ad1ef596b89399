-- Roster: who put somebody on duty. A blank line after a semicolon ends a statement. Of lines that are there it is not known, and they count as before.

alter table duty add column saved_by UUID;

comment on column plan_proposal.basis is 'The problem and the plan, for explanations; null: too large to keep, or committed.';
