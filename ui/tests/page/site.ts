// Serves the built page under the window's content security policy and opens it in Chromium.

import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';

const ROOT = join(import.meta.dirname, '../../../artifacts/ui/site');
/** Where pictures of the page go. */
export const PICTURES = join(import.meta.dirname, '../../../artifacts/ui');

const POLICY =
	"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src ipc: http://ipc.localhost";

const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

function serve(): Promise<Server> {
	const server = createServer((request, reply) => {
		const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname);
		if (path === '/favicon.ico') return void reply.writeHead(204).end();
		const file = path === '/' ? '/index.html' : path;
		readFile(join(ROOT, file)).then(
			(body) => reply.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'text/plain', 'content-security-policy': POLICY }).end(body),
			() => reply.writeHead(404).end(),
		);
	});
	return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** What a test asks of the page. */
export interface Wish {
	/** What the address says to the scripted engine. */
	query?: string;
	/** The size of the window. */
	size?: { width: number; height: number };
}

/** A browser with the page behind it. */
export class Site {
	/** What the page complained about, such as a broken policy; tests expect nothing. */
	readonly complaints: string[] = [];
	private page: Page | undefined;

	private constructor(
		private server: Server,
		private browser: Browser,
	) {}

	/** Starts both. */
	static async start(): Promise<Site> {
		const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
		return new Site(await serve(), await chromium.launch({ executablePath, args: ['--no-sandbox'] }));
	}

	/** Opens the page anew and waits for the engine's first message. The one before, with its scripted engine, is gone then. */
	async open({ query = '', size = { width: 1280, height: 800 } }: Wish = {}): Promise<Page> {
		// A page in a context of its own takes three times as long.
		this.page ??= await this.#firstPage();
		const { page } = this;
		await page.evaluate('try { localStorage.clear() } catch { /* There is none before the first page. */ }');
		await page.setViewportSize(size);
		await page.goto(`http://127.0.0.1:${(this.server.address() as AddressInfo).port}/?${query}`);
		await page.locator('[data-testid=list], [data-testid=empty-state]').first().waitFor();
		return page;
	}

	async #firstPage(): Promise<Page> {
		const context = await this.browser.newContext({ reducedMotion: 'reduce', timezoneId: 'UTC' });
		const page = await context.newPage();
		page.setDefaultTimeout(60_000);
		page.on('console', (message) => message.type() === 'error' && this.complaints.push(message.text()));
		page.on('pageerror', (error) => this.complaints.push(error.message));
		return page;
	}

	/** Stops both. */
	async stop(): Promise<void> {
		await this.browser.close();
		await new Promise((resolve) => this.server.close(resolve));
	}
}

/** What axe finds wrong with what is on the screen, in short lines. */
export async function violations(page: Page): Promise<string[]> {
	// A content security policy forbids script tags with code; the debugger may still run it.
	if (!(await page.evaluate("'axe' in window"))) await page.evaluate(`${axe.source}; undefined`);
	const found = await page.evaluate(async () => {
		const { axe: run } = window as unknown as { axe: typeof axe };
		const { violations: all } = await run.run(document, { resultTypes: ['violations'] });
		return all.map(({ id, nodes }) => ({ id, nodes: nodes.map((node) => `${node.target.join(' ')}: ${node.failureSummary ?? ''}`) }));
	});
	return found.map(({ id, nodes }) => `${id} × ${nodes.length}: ${nodes.slice(0, 3).join(' | ')}`);
}
