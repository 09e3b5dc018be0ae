import { describeRunners } from "@es/projections/conformance";
import { sqliteOptions } from "../src/sqlite.ts";

describeRunners("SQLite", sqliteOptions);
