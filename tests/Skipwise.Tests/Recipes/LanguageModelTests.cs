using Microsoft.Extensions.Logging;
using Skipwise.Evaluation.Passkey;
using Skipwise.Evaluation.Perplexity;
using Skipwise.Models;
using Skipwise.Recipes;
using Skipwise.Rope;
using Skipwise.Runs;
using Skipwise.Tests.Cli;
using Skipwise.Training;

namespace Skipwise.Tests.Recipes;

/// <summary>What a program that embeds the library does.</summary>
public sealed class LanguageModelTests(SmallModel small) : IClassFixture<SmallModel>
{
    private static readonly TrainOptions s_training = new() { Steps = 2, BatchSize = 2, WarmupSteps = 0 };

    [Fact]
    public async Task Text_comes_in_pieces_and_is_what_the_recipe_makes()
    {
        var whole = new List<string>();
        GenerateText.Run(
            new() { Model = small.Folder, Prompt = "The town", Generation = new() { MaxNewTokens = 12 } }, whole.Add,
            cancel: TestContext.Current.CancellationToken);
        using LanguageModel model = LanguageModel.Load(small.Folder);
        var pieces = new List<string>();
        await foreach (string piece in model.GenerateAsync("The town", new() { MaxNewTokens = 12 }))
        {
            pieces.Add(piece);
        }
        Assert.True(pieces.Count > 1);
        Assert.Equal(whole, pieces);
        Assert.Equal(SmallModel.Window, model.ContextLength);
    }

    [Fact]
    public async Task Who_stops_reading_stops_the_model_and_the_next_call_goes_on()
    {
        using LanguageModel model = LanguageModel.Load(small.Folder);
        await foreach (string _ in model.GenerateAsync("The town", new() { MaxNewTokens = 1_000_000 }))
        {
            break;
        }
        using var cancel = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (string _ in model.GenerateAsync("The town", new() { MaxNewTokens = 1_000_000 }, cancel.Token))
            {
                await cancel.CancelAsync();
            }
        });
        Assert.NotEmpty(await Text(model));
    }

    [Fact]
    public async Task The_memory_of_generated_texts_is_a_setting()
    {
        using LanguageModel model = LanguageModel.Load(small.Folder, new() { Engine = new() { CacheBytes = 1 } }); // one page
        var error = await Assert.ThrowsAsync<SkipwiseException>(() => Text(model, new() { MaxNewTokens = 1000 }));
        Assert.Contains("EngineOptions.CacheBytes", error.Message, StringComparison.Ordinal);
        Assert.NotEmpty(await Text(model, new() { MaxNewTokens = 8 }));
    }

    [Fact]
    public async Task An_error_of_the_generation_reaches_the_reader()
    {
        using LanguageModel model = LanguageModel.Load(small.Folder);
        var error = await Assert.ThrowsAsync<SkipwiseException>(() => Text(model, new() { TopP = 7 }));
        Assert.Contains("GenerationOptions.TopP is 7", error.Message, StringComparison.Ordinal);
        Assert.NotEmpty(await Text(model));
    }

    [Fact]
    public async Task Calls_take_turns()
    {
        using LanguageModel model = LanguageModel.Load(small.Folder);
        string alone = await Text(model);
        Assert.All(await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Text(model))), text => Assert.Equal(alone, text));
    }

    [Fact]
    public async Task A_loaded_model_is_evaluated()
    {
        using LanguageModel model = LanguageModel.Load(small.Folder);
        PerplexityOptions windows = new() { Windows = [16, 32] };
        IReadOnlyList<PerplexityResult> results = await model.EvaluatePerplexityAsync(Documents, windows);
        PerplexityMeasurement recipe = EvaluatePerplexity.Run(
            new() { Model = small.Folder, Data = new() { Texts = Documents }, Perplexity = windows, MinTokens = 0 },
            cancel: TestContext.Current.CancellationToken);
        Assert.Equal(recipe.Results.Select(result => result.Perplexity), results.Select(result => result.Perplexity));
        IReadOnlyList<PasskeyResult> passkeys = await model.EvaluatePasskeyAsync(new() { Lengths = [128], Trials = 2 });
        Assert.Equal([128], passkeys.Select(result => result.Length));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => model.EvaluatePerplexityAsync(Documents, windows, cancel: new CancellationToken(canceled: true)));
    }

    /// <summary>The same texts in memory and in a file make the same model.</summary>
    [Fact]
    public async Task Documents_in_memory_train_as_those_in_a_file_do()
    {
        using var folder = new TempFolder();
        string file = folder.Write("texts.jsonl",
            string.Join('\n', Documents.Select(text => System.Text.Json.JsonSerializer.Serialize(new { text }))));
        using LanguageModel model = LanguageModel.Load(small.Folder);
        var log = new RecordedLog();
        var steps = new List<int>();
        foreach ((string name, Skipwise.Data.DataOptions data) in new (string, Skipwise.Data.DataOptions)[]
            { ("memory", new() { Texts = Documents }), ("file", new() { Paths = [file] }) })
        {
            TrainingOutcome outcome = await model.ExtendAsync(
                128, data, folder[name], run => run with { Training = s_training }, progress: new Steps(steps));
            Assert.True(outcome.Completed);
        }
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(folder["file"], "model.safetensors")),
            File.ReadAllBytes(Path.Combine(folder["memory"], "model.safetensors")));
        Assert.Equal([1, 2, 1, 2], steps);
        using LanguageModel longer = LanguageModel.Load(folder["memory"], logger: log);
        Assert.Equal(128, longer.ContextLength);
        Assert.Contains(log.Lines,
            line => line.Level == LogLevel.Information && line.Text.Contains("frequencies", StringComparison.Ordinal));
        longer.Save(folder["saved"]);
        using LanguageModel saved = LanguageModel.Load(folder["saved"]);
        Assert.Equal(await Text(longer), await Text(saved));
        await Assert.ThrowsAsync<SkipwiseException>(
            () => model.ExtendAsync(128, new() { Texts = Documents, Paths = [file] }, folder["both"]));
    }

    /// <summary>What a model was loaded with is what is extended: its adapter, and the rope that was asked for.</summary>
    [Fact]
    public async Task A_model_with_an_adapter_is_extended_with_it()
    {
        using var folder = new TempFolder();
        Skipwise.Data.DataOptions data = new() { Texts = Documents };
        TrainOptions training = s_training with { LearningRate = 1e-2 };
        RopeOverrides rope = new() { Type = RopeType.Linear, OriginalLength = SmallModel.Window };
        using (LanguageModel plain = LanguageModel.Load(small.Folder))
        {
            await plain.ExtendAsync(128, data, folder["lora"], run => run with { Training = training, Lora = new() { Rank = 4 } });
        }
        using LanguageModel adapted = LanguageModel.Load(
            small.Folder, new() { Adapter = folder["lora"], Rope = rope with { Factor = 2 } });
        await adapted.ExtendAsync(128, data, folder["extended"], run => run with { Training = s_training });
        FineTune.Run(new()
        {
            Model = small.Folder,
            Adapter = folder["lora"],
            Rope = rope with { Factor = 2 },
            Data = data,
            Out = folder["same"],
            TargetLength = 128,
            Training = s_training,
        }, new());
        Assert.All((string[])["model.safetensors", "config.json"], name => Assert.Equal(
            File.ReadAllBytes(Path.Combine(folder["same"], name)), File.ReadAllBytes(Path.Combine(folder["extended"], name))));
    }

    /// <summary>A refused attempt leaves the run as it was, and the run goes on with the texts that it began with.</summary>
    [Fact]
    public async Task A_stopped_run_continues_with_its_own_texts_alone()
    {
        using var folder = new TempFolder();
        using LanguageModel model = LanguageModel.Load(small.Folder);
        Task<TrainingOutcome> Extend(string[] texts, string name, CancellationToken stop, IProgress<StepMetrics>? progress = null) =>
            model.ExtendAsync(128, new() { Texts = texts }, folder[name], run => run with { Training = s_training },
                new SaveOptions { Resume = Directory.Exists(folder[name]) }, progress, stop);

        using var stop = new CancellationTokenSource();
        TrainingOutcome stopped = await Extend(Documents, "run", stop.Token, new FirstStep(stop));
        Assert.False(stopped.Completed);
        string[] before = [.. Directory.GetFiles(folder["run"]).Order()];
        var error = await Assert.ThrowsAsync<SkipwiseException>(() => Extend([.. Documents.Reverse()], "run", default));
        Assert.Contains("other texts", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, Directory.GetFiles(folder["run"]).Order());
        Assert.True((await Extend(Documents, "run", default)).Completed);
        Assert.True((await Extend(Documents, "whole", default)).Completed);
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(folder["whole"], "model.safetensors")),
            File.ReadAllBytes(Path.Combine(folder["run"], "model.safetensors")));
    }

    private sealed class FirstStep(CancellationTokenSource stop) : IProgress<StepMetrics>
    {
        public void Report(StepMetrics value) => stop.Cancel();
    }

    private static string[] Documents =>
        [.. Enumerable.Range(0, 4).Select(i => string.Join(' ', Enumerable.Range(0, 120).Select(word => $"word{(word * (i + 3)) % 37}")))];

    private static async Task<string> Text(LanguageModel model, Skipwise.Inference.GenerationOptions? options = null)
    {
        var text = new System.Text.StringBuilder();
        await foreach (string piece in model.GenerateAsync("The town", options ?? new() { MaxNewTokens = 8 }))
        {
            text.Append(piece);
        }
        return text.ToString();
    }

    private sealed class Steps(List<int> steps) : IProgress<StepMetrics>
    {
        public void Report(StepMetrics value) => steps.Add(value.Step);
    }

    private sealed class RecordedLog : ILogger
    {
        public List<(LogLevel Level, string Text)> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Add((logLevel, formatter(state, exception)));
    }
}
