WITH recent AS (SELECT * FROM hr.companies c, "Weird ""Name""" w WHERE c.id = 'it''s' AND note = E'\'x' AND d = $x$ from y $x$)
SELECT count(*), extract(year FROM c.at), public.f(a) FROM recent JOIN LATERAL unnest(ARRAY[1,2]) u ON true /* from /* nested */ z */ -- from q
WHERE EXISTS (SELECT 1 FROM other) UNION TABLE third ORDER BY 1 FOR UPDATE OF recent;
