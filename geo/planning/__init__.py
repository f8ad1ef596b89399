"""Planning of days and repair of running ones: problems in, proposals out. Owns no storage and no SQL; nothing here takes effect by itself."""
