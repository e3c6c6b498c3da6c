"""What ingests of all stores share: headers, events as columns, and the walk over a stream."""
