// Renders the icons from their SVG sources: `npm run icons`. The results are kept in the repository.

import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const icons = join(import.meta.dirname, '../icons');
const sizes = { source: 1024, 'tray-idle': 32, 'tray-active': 32, 'tray-attention': 32 };

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
for (const [name, size] of Object.entries(sizes)) {
	const page = await browser.newPage({ viewport: { width: size, height: size } });
	const svg = readFileSync(join(icons, `${name}.svg`), 'utf8');
	await page.setContent(`<style>body{margin:0}svg{display:block;width:100vw;height:100vh}</style>${svg}`);
	await page.screenshot({ path: join(icons, `${name}.png`), omitBackground: true });
}
await browser.close();

execFileSync(join(import.meta.dirname, 'node_modules/.bin/tauri'), ['icon', 'source.png', '-o', '.'], { cwd: icons, stdio: 'ignore' });
for (const unused of ['android', 'ios', 'StoreLogo.png', 'source.png', '64x64.png'])
	rmSync(join(icons, unused), { recursive: true, force: true });
for (const size of ['30x30', '44x44', '71x71', '89x89', '107x107', '142x142', '150x150', '284x284', '310x310'])
	rmSync(join(icons, `Square${size}Logo.png`), { force: true });
