// Page tests: the built page in Chromium, against the scripted engine.

import { defineConfig } from 'vitest/config';

export default defineConfig({
	test: {
		include: ['tests/page/**/*.test.ts'],
		fileParallelism: false,
		testTimeout: 180_000,
		hookTimeout: 120_000,
		expect: { poll: { timeout: 30_000 } },
	},
});
