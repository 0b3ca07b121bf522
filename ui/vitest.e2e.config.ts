// Page tests: the built page in Chromium, against the scripted engine.

import { defineConfig } from 'vitest/config';

export default defineConfig({
	test: {
		include: ['tests/page/**/*.test.ts'],
		fileParallelism: false,
		testTimeout: 30_000,
		hookTimeout: 60_000,
	},
});
