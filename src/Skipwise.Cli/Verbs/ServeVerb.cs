using System.Net;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Inference;
using Skipwise.Recipes;
using Skipwise.Server;
using Skipwise.Serving;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise serve</c></summary>
internal static class ServeVerb
{
    private const string KeyVariable = "SKIPWISE_API_KEY";
    private const int Megabyte = 1 << 20;
    private static readonly ServerOptions s_server = new();

    public static Verb Create(Screen screen)
    {
        var verb = new Verb("serve", "Serve models by OpenAI's API, for programs and browsers on this machine.",
            $"""
            skipwise serve --model llama-2-7b-16k
            skipwise serve --model small=llama-2-7b-16k --model large=llama-2-13b-32k --port 9000
            skipwise serve --model llama-2-7b,adapter=lora-16k --kv-cache-mb 16384 --batch-size 8
            {KeyVariable}=secret skipwise serve --model llama-2-7b-16k --host 0.0.0.0
            """);
        Flag<string[]> models =
            verb.Texts("--model", "[name=]folder",
                "Hugging Face folders or GGUF files; give --model once for each. Requests name a model by its name, else by " +
                "its folder's; an adapter follows the folder: llama-2-7b,adapter=lora-16k", required: true)
            .Sets(nameof(TextModelOptions.Model)).Sets(nameof(TextModelOptions.Name)).Sets(nameof(TextModelOptions.Adapter));
        Flag<string?> host = verb.Text("--host", "address",
            $"address to listen at; 0.0.0.0 takes connections of other machines [default: {s_server.Host}]");
        Flag<int> port = verb.Integer("--port", "TCP port; 0 takes a free one", s_server.Port);
        Flag<string?> key = verb.Text("--api-key", "text",
            $"key that clients have to send; other users of the machine see it in the list of processes, so prefer {KeyVariable} " +
            "[default: none]");
        Flag<int> batch = verb.Integer(
            "--batch-size", "largest number of texts that are computed at the same time", EngineOptions.DefaultBatchSize)
            .Sets(nameof(EngineOptions.MaxBatchSize));
        Flag<int> queue = verb.Integer("--queue", "number of texts that may wait; further ones are refused with 429", 256)
            .Sets(nameof(EngineOptions.MaxQueueLength));
        Flag<int?> cache = verb.OptionalInteger("--kv-cache-mb",
            "memory for keys and values of all texts and kept beginnings of prompts, in MiB [default: a quarter of what is free]")
            .Sets(nameof(EngineOptions.CacheBytes));
        Flag<string?> prompts = verb.Text("--prompt-cache", "folder",
            "keep the beginnings of prompts in a file of this folder when the server stops, and begin with them when it starts again " +
            "[default: not kept]")
            .Sets(nameof(TextModelOptions.PromptCache));
        Flag<KvCacheType> cacheType = verb.CacheType();
        Flag<int?> quantize = verb.Quantize();
        var rope = new RopeFlags(verb);
        var compute = new ComputeFlags(verb);
        verb.OnRunWithTorch(screen, (parse, stop) =>
        {
            if (port.ValueOf(parse) is < IPEndPoint.MinPort or > IPEndPoint.MaxPort)
            {
                throw new SkipwiseException(
                    $"{port.Name} is {port.ValueOf(parse)}; it must be from {IPEndPoint.MinPort} to {IPEndPoint.MaxPort}.");
            }
            var options = new ServerOptions
            {
                Host = Address(host.ValueOf(parse)),
                Port = port.ValueOf(parse),
                ApiKey = Key(key.ValueOf(parse) ?? Environment.GetEnvironmentVariable(KeyVariable)),
            };
            if (!IPAddress.IsLoopback(options.Host) && options.ApiKey is null)
            {
                screen.Notes.Report($"warning: without a key, whoever reaches {options.Host} may use the models. Set {KeyVariable}.");
            }
            TextModelOptions[] sources = [.. models.ValueOf(parse).Select(text => Source(text) with
            {
                Rope = rope.Of(parse),
                QuantizationBits = quantize.ValueOf(parse),
                Compute = compute.Of(parse),
                PromptCache = prompts.ValueOf(parse),
                Engine = new()
                {
                    MaxBatchSize = batch.ValueOf(parse),
                    MaxQueueLength = queue.ValueOf(parse),
                    CacheBytes = (long?)cache.ValueOf(parse) * Megabyte,
                    CacheType = cacheType.ValueOf(parse),
                },
            })];
            ServeModels(sources, options, screen, stop).GetAwaiter().GetResult();
            return ExitCode.Success;
        });
        return verb;
    }

    private static async Task ServeModels(TextModelOptions[] sources, ServerOptions options, Screen screen, CancellationToken stop)
    {
        var models = new List<TextModel>();
        try
        {
            foreach (TextModelOptions source in sources)
            {
                models.Add(LoadTextModel.Run(source, screen.Notes));
            }
            if (models.GroupBy(model => model.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            {
                throw new SkipwiseException($"two models have the name {twice.Key}: name them as in --model NAME=FOLDER.");
            }
            screen.RunBegins(); // a process that is asked to end has two seconds otherwise, and requests in progress may end first
            await using InferenceServer server = await InferenceServer.StartAsync(models, options, ConsoleLog.Add, stop);
            foreach (TextModel model in models)
            {
                screen.Line($"{model.Name}: a window of {model.ContextLength} tokens"
                    + (model.Template is null ? ", without a chat template: /v1/completions alone" : ""));
            }
            screen.Line($"serving at {server.Address}v1 (Ctrl+C stops)");
            await Task.Delay(Timeout.Infinite, stop).ContinueWith(_ => { }, TaskScheduler.Default);
            screen.Notes.Report("stopping: requests in progress may end");
            await server.StopAsync();
        }
        finally
        {
            models.ForEach(model => model.Dispose());
        }
    }

    /// <summary>[name=]folder[,adapter=folder]</summary>
    private static TextModelOptions Source(string text)
    {
        const string adapter = ",adapter=";
        int more = text.IndexOf(adapter, StringComparison.Ordinal);
        string? lora = more < 0 ? null : text[(more + adapter.Length)..];
        string model = more < 0 ? text : text[..more];
        int equals = Directory.Exists(model) || File.Exists(model) ? -1 : model.IndexOf('=', StringComparison.Ordinal);
        return new TextModelOptions
        {
            Model = model[(equals + 1)..],
            Name = equals > 0 ? model[..equals] : null,
            Adapter = lora,
        };
    }

    /// <exception cref="SkipwiseException">an empty key, which every client would have</exception>
    private static string? Key(string? text) => text is null ? null : text.Trim() is { Length: > 0 } key ? key
        : throw new SkipwiseException($"the API key is empty: give --api-key or {KeyVariable} a text, or leave both out.");

    private static IPAddress Address(string? text) => text switch
    {
        null => s_server.Host,
        "localhost" => IPAddress.Loopback,
        _ => IPAddress.TryParse(text, out IPAddress? address) ? address
            : throw new SkipwiseException($"--host {text}: not an IP address, such as 127.0.0.1 or 0.0.0.0."),
    };
}
