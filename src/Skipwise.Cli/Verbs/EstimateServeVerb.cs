using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Estimation;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise estimate serve</c></summary>
internal static class EstimateServeVerb
{
    private const double Gibibyte = 1L << 30, Kibibyte = 1L << 10;

    public static Verb Create(Screen screen)
    {
        var verb = new Verb("serve",
            "Estimate how many texts fit in memory when a model is served: weights, keys and values, from the config.",
            """
            skipwise estimate serve --model qwen-2.5-7b-128k
            skipwise estimate serve --model qwen-2.5-7b-128k --context-length 65536 --memory 64
            skipwise estimate serve --model qwen-2.5-7b-128k --device cuda --dtype bfloat16 --memory 80 --json serve.json
            """);
        Flag<string> model = verb.Required("--model", "folder",
                "Hugging Face folder, ORG/NAME after 'pull', or a GGUF file; config.json is enough")
            .Sets(nameof(ServingEstimatorOptions.Model));
        Flag<int?> length = verb.OptionalInteger("--context-length", "tokens of a text, prompt and answer [default: the model's window]")
            .Sets(nameof(ServingEstimatorOptions.ContextLength));
        var rope = new RopeFlags(verb);
        var compute = new ComputeFlags(verb);
        Flag<double?> memory =
            verb.OptionalNumber("--memory", "memory available to the server, in GiB [default: that of the machine, or of the GPU]")
            .Sets(nameof(ServingEstimatorOptions.Memory));
        var json = new JsonFlag<ServingEstimate>(verb);
        verb.OnRunWithTorch(screen, (parse, _) =>
        {
            ServingEstimate estimate = ServingEstimator.Run(new()
            {
                Model = model.ValueOf(parse),
                ContextLength = length.ValueOf(parse),
                Rope = rope.Of(parse),
                Compute = compute.Of(parse),
                Memory = memory.ValueOf(parse) is { } gibibytes ? (long)(gibibytes * Gibibyte) : null,
            }, screen.Notes);
            json.Show(parse, screen, estimate, () =>
            {
                screen.Table(Table(estimate));
                screen.Line($"A tenth of {Size(estimate.AvailableMemory)} is left to spare. The program takes {Size(estimate.Process)}, "
                    + $"and {Size(estimate.Working)} more while a prompt is read.");
                screen.Line("serve takes a quarter of the free memory for the cache, and 32 texts at once: give the size to --kv-cache-mb "
                    + "and the number of texts to --batch-size to have more.");
            });
            return ExitCode.Success;
        });
        return verb;
    }

    private static ResultTable Table(ServingEstimate estimate) => new(
        $"texts of {estimate.ContextLength} tokens at the same time, by --kv-cache-dtype",
        ["", "weights", .. estimate.Caches.Select(cache => $"{cache.Type}".ToLowerInvariant())],
        [
            ["cache of a token", "", .. estimate.Caches.Select(cache => $"{cache.BytesPerToken / Kibibyte:0.0} KiB")],
            ["cache of a text", "", .. estimate.Caches.Select(cache => Size(cache.BytesPerText))],
            .. estimate.Weights.Select(weights => (IReadOnlyList<string>)
            [
                weights.QuantizationBits is { } bits ? $"texts, --quantize {bits}" : "texts", Size(weights.Bytes),
                .. weights.Texts.Select(count => $"{count}"),
            ]),
        ]);

    private static string Size(long bytes) => $"{bytes / Gibibyte:0.00} GiB";
}
