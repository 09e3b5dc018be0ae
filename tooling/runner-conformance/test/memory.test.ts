import { describeRunners } from "@es/projections/conformance";
import { memoryOptions } from "../src/memory.ts";

describeRunners("the memory store", memoryOptions);
