/** One style for all pages: light and dark by the reader's setting, one column on a phone, black on white on paper. */
export const style = `
:root{color-scheme:light dark;--paper:#fff;--panel:#f5f7fa;--ink:#17202b;--muted:#4d5b6a;--line:#d4dbe3;--accent:#1d5fa8;
--second:#5b4b9a;--third:#98500c;--good:#12693a;--bad:#b01e2a;--warn:#8a5300;--good-soft:#e4f4ea;--bad-soft:#fbe8e9;--warn-soft:#fcf1dd}
@media (prefers-color-scheme:dark){:root{--paper:#11161d;--panel:#1a212b;--ink:#e7ecf2;--muted:#a9b5c3;--line:#33404f;--accent:#74b0f4;
--second:#b3a4f2;--third:#eba55e;--good:#6bd096;--bad:#ff8a90;--warn:#efb95c;--good-soft:#14301f;--bad-soft:#3a191d;--warn-soft:#352810}}
*{box-sizing:border-box}
body{margin:0;overflow-wrap:anywhere;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,"Segoe UI",Roboto,"Liberation Sans",Arial,sans-serif}
main{max-width:1080px;margin:0 auto;padding:20px 16px 48px}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:36px 0 10px;padding-bottom:4px;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:20px 0 6px}
p{margin:6px 0}a{color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:2px}
.muted{color:var(--muted)}.small{font-size:.875rem}
code,.code{font-family:ui-monospace,"Liberation Mono",Menlo,Consolas,monospace;font-size:.9em;overflow-wrap:anywhere}
pre{background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:10px 12px;white-space:pre-wrap;overflow-wrap:anywhere;margin:6px 0}
.verdict{border-left:6px solid var(--tone);background:var(--soft);border-radius:6px;padding:12px 16px;margin:16px 0}
.verdict strong{font-size:1.35rem;color:var(--tone)}
.passed,.met,.ok,.approved{--tone:var(--good);--soft:var(--good-soft)}
.failed,.missed,.error,.rejected{--tone:var(--bad);--soft:var(--bad-soft)}
.unproven,.unknown,.warning,.expired{--tone:var(--warn);--soft:var(--warn-soft)}
.tag{display:inline-block;color:var(--tone);background:var(--soft);border-radius:4px;padding:0 8px;font-weight:600;font-size:.875rem;white-space:nowrap}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,180px),1fr));gap:12px;margin:16px 0}
.figure{border:1px solid var(--line);border-radius:6px;padding:10px 14px;min-width:0}
.figure b{display:block;font-size:1.5rem;line-height:1.3;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
figure{margin:10px 0}figure svg{display:block;width:100%;height:auto}
figcaption{color:var(--muted);font-size:.875rem}
.narrow{display:none}
@media (max-width:700px){.wide{display:none}.narrow{display:block}}
.chain{list-style:none;display:flex;flex-wrap:wrap;gap:8px 30px;padding:0;margin:10px 0}
.chain li{position:relative;flex:0 1 auto;min-width:0;border:1px solid var(--line);border-top:4px solid var(--accent);border-radius:6px;padding:8px 12px}
.chain li.incremental,.chain li.differential{border-top-color:var(--second)}.chain li.wal{border-top-color:var(--third)}.chain li.end{border-top-color:var(--good)}
.chain li:not(:last-child)::after{content:"\\2192";position:absolute;right:-23px;top:50%;transform:translateY(-50%);color:var(--muted);font-size:1.1rem}
@media (max-width:700px){.chain{flex-direction:column;gap:26px}.chain li:not(:last-child)::after{content:"\\2193";right:auto;left:50%;top:auto;bottom:-26px;transform:none}}
table{border-collapse:collapse;width:100%;font-size:.9375rem}
th,td{text-align:left;vertical-align:top;padding:7px 12px 7px 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
th{color:var(--muted);font-weight:600;font-size:.875rem}td.number{font-variant-numeric:tabular-nums;white-space:nowrap}
@media (min-width:701px),print{table.stack th{white-space:nowrap}table.stack td{min-width:5.2em}table.stack td:first-child{min-width:8.6em}}
@media (max-width:700px){table.stack thead{position:absolute;clip-path:inset(50%);height:1px;overflow:hidden}table.stack tr{display:block;padding:8px 0;border-bottom:1px solid var(--line)}
table.stack td{display:block;border:0;padding:1px 0;white-space:normal}table.stack td:empty{display:none}table.stack td[data-label]:not([data-label=""])::before{content:attr(data-label) ": ";color:var(--muted)}}
dl{display:grid;grid-template-columns:minmax(110px,max-content) minmax(0,1fr);gap:4px 18px;margin:8px 0}dt{color:var(--muted)}dd{margin:0;overflow-wrap:anywhere}
@media (max-width:700px){dl{grid-template-columns:minmax(0,1fr);gap:0}dd{margin-bottom:8px}}
ul{padding-left:20px;margin:6px 0}li{overflow-wrap:anywhere}
details{margin:4px 0}summary{cursor:pointer;color:var(--accent)}
@page{margin:16mm}
@media print{:root{color-scheme:light;--paper:#fff;--panel:#fff;--ink:#000;--muted:#333;--line:#b4b4b4;--accent:#1d5fa8;--second:#5b4b9a;--third:#98500c;--good:#12693a;--bad:#b01e2a;--warn:#8a5300;--good-soft:#fff;--bad-soft:#fff;--warn-soft:#fff}
body{font-size:10.5pt}main{max-width:none;padding:0}h2,h3{break-after:avoid}tr,figure,.figure,.chain li,.verdict{break-inside:avoid}thead{display:table-header-group}details::details-content{content-visibility:visible;height:auto}}
`;
