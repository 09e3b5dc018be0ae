import { defineEvents } from "@es/core";
import pg from "pg";
import { describe, expectTypeOf, it } from "vitest";
import { defineProjection } from "../definition/define-projection.ts";
import { exactlyOnce } from "../definition/delivery.ts";
import { createProjectionRunner } from "../runner/create-projection-runner.ts";
import type { ProjectionRunner } from "../runner/projection-runner.ts";
import type { CommonRunnerOptions } from "../runner/runner-options.ts";
import { createPostgresSink } from "./postgres-sink.ts";
import type { PostgresTransaction } from "./postgres-sink-driver.ts";

declare const common: CommonRunnerOptions;
const pool = new pg.Pool();
const declared = { name: "a", events: defineEvents({}), batch: () => undefined };

describe("createPostgresSink", () => {
  it("fits handlers that only query, without a word about the driver", () => {
    const projection = defineProjection({ ...declared, delivery: exactlyOnce<PostgresTransaction>() });
    const runner = createProjectionRunner(projection, { ...common, sink: createPostgresSink(pool) });
    expectTypeOf(runner).toEqualTypeOf<ProjectionRunner<"exactly-once">>();
  });

  it("fits handlers that use more of the driver's queries", () => {
    const projection = defineProjection({ ...declared, delivery: exactlyOnce<Pick<pg.PoolClient, "query">>() });
    createProjectionRunner(projection, { ...common, sink: createPostgresSink<pg.PoolClient>(pool) });
  });

  it("does not fit handlers that could give its connection back", () => {
    const projection = defineProjection({ ...declared, delivery: exactlyOnce<pg.PoolClient>() });
    // @ts-expect-error there is no `release`
    createProjectionRunner(projection, { ...common, sink: createPostgresSink<pg.PoolClient>(pool) });
  });
});
