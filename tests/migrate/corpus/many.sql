-- Two thousand tables, each with a key, an index and a few rows.
DO $$
BEGIN
  EXECUTE 'CREATE SCHEMA many';
  FOR n IN 1..2000 LOOP
    EXECUTE format('CREATE TABLE many.t%s (id integer PRIMARY KEY, body text)', n);
    EXECUTE format('INSERT INTO many.t%s SELECT i, ''row '' || i FROM generate_series(1, %s) AS i', n, n % 5);
    IF n % 10 = 0 THEN
      EXECUTE format('CREATE INDEX ON many.t%s (body)', n);
    END IF;
  END LOOP;
END $$;
