/**
 * Whether the environment asks for traces, by OpenTelemetry's own variables ("Environment variable specification"): an endpoint is named, and
 * nothing turns them off. They are read by the exporter itself, headers with secrets among them: the configuration knows none of it.
 */
export function tracesWanted(env: NodeJS.ProcessEnv = process.env): boolean {
  const named = [env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'], env['OTEL_EXPORTER_OTLP_ENDPOINT']];
  return (
    named.some((endpoint) => endpoint !== undefined && endpoint !== '') &&
    env['OTEL_SDK_DISABLED']?.toLowerCase() !== 'true' &&
    env['OTEL_TRACES_EXPORTER'] !== 'none'
  );
}
