// Builds the page and runs the unit tests. Emits no inline script, so the window's content security policy can forbid them.

import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
	plugins: [svelte({ configFile: false })],
	clearScreen: false,
	server: { port: 5173, strictPort: true },
	build: { target: ['es2022', 'safari16.4'], modulePreload: { polyfill: false }, assetsInlineLimit: 0, cssCodeSplit: false },
	resolve: process.env.VITEST ? { conditions: ['browser'] } : {},
	test: { environment: 'happy-dom', include: ['tests/unit/**/*.test.ts'] },
});
