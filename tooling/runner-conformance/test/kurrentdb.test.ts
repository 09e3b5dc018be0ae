import { describeRunners } from "@es/projections/conformance";
import { kurrentDbOptions } from "../src/kurrentdb.ts";

describeRunners("a double of KurrentDB", kurrentDbOptions);
