-- Pages of the warehouse: each list walks one index in its own order. A blank line after a semicolon ends a statement.

CREATE INDEX stock_move_from_location_id_occurred_at_id_idx ON stock_move (org_id, from_location_id, occurred_at, id);

CREATE INDEX stock_move_to_location_id_occurred_at_id_idx ON stock_move (org_id, to_location_id, occurred_at, id);

CREATE INDEX stock_move_part_id_occurred_at_id_idx ON stock_move (org_id, part_id, occurred_at, id);

CREATE INDEX stock_move_serial_occurred_at_id_idx ON stock_move (org_id, serial, occurred_at, id) WHERE serial <> '';

CREATE INDEX stock_location_code_id_idx ON stock_location (org_id, code, id);

CREATE INDEX stock_location_parent_id_idx ON stock_location (org_id, parent_id) WHERE parent_id is not null;

CREATE INDEX approval_asked_at_id_idx ON approval (org_id, asked_at, id) WHERE state = 'waiting';

CREATE INDEX material_request_requested_at_id_idx ON material_request (org_id, requested_at, id)
  WHERE state in ('approved', 'reserved', 'picking', 'partly_issued');

CREATE INDEX issue_slip_issued_at_id_idx ON issue_slip (org_id, issued_at, id) WHERE received_at is null;

CREATE INDEX shift_from_at_id_idx ON shift (org_id, from_at, id);

CREATE INDEX stock_exception_state_found_at_id_idx ON stock_exception (org_id, state, found_at, id);
