using Skipwise.Checkpoints.Gguf;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Evaluation.Passkey;
using Skipwise.Inference;
using Skipwise.Models;
using Skipwise.Positions;
using Skipwise.Recipes;
using Skipwise.Rope;
using Skipwise.Runs;
using Skipwise.Storage;
using Skipwise.Storage.Gguf;
using Skipwise.Synthetic;
using Skipwise.Tokenizers;
using Skipwise.TokenStores;
using Skipwise.Training;

namespace Skipwise.Tests.Checkpoints.Gguf;

/// <summary>The point of it all in another program: llama.cpp finds passkeys beyond the window that the model was trained in.</summary>
public sealed class LlamaCppPasskeyTests(ITestOutputHelper output) : IDisposable
{
    private const int Window = 128, Target = 8 * Window, Steps = 80, Trials = 8;
    private static readonly string s_shipped = Path.Combine(HouseRulesTests.Root(), "models", "skipwise-tiny");
    private static readonly int[] s_beyond = [4 * Window, Target];

    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    /// <summary>The shipped model and a short PoSE run of it, with the demo's text and scaling.</summary>
    [Fact]
    public void Keys_beyond_the_original_window_are_found()
    {
        LlamaCpp.RequireNatives();
        ITokenizer tokenizer = TokenizerLoader.Load(s_shipped);
        Train(tokenizer);
        var options = new PasskeyOptions { Lengths = s_beyond, Trials = Trials, Seed = 1 };
        using PretrainedModel extended = PretrainedModel.Load(new ModelSource(_temp["pose"])),
            unextended = PretrainedModel.Load(new ModelSource(s_shipped));
        (int found, int answers) = Found(extended, tokenizer, options);
        (int before, _) = Found(unextended, tokenizer, options);
        output.WriteLine($"{found} of {answers} keys found, {before} before training");
        Assert.True(found >= 0.8 * answers, $"{found} of {answers}");
        Assert.Equal(0, before);
    }

    /// <summary>Asks llama.cpp, and compares its answers with ours.</summary>
    private (int Found, int Asked) Found(PretrainedModel model, ITokenizer tokenizer, PasskeyOptions options)
    {
        string file = _temp[$"{model.Model.Config.MaxPositionEmbeddings}.gguf"];
        GgufExport.Write(model, file, "passkey", GgufType.F32, tokenizer.ToModel(), [], null);
        using var client = new LlamaCpp(file, Target);
        IReadOnlyList<PasskeyPrompt> prompts = PasskeyPrompt.All(tokenizer, options);
        PasskeyTrial[] ours = [.. PasskeyEvaluator.Evaluate(model.Model, tokenizer, prompts, options).SelectMany(result => result.Trials)];
        int found = 0;
        foreach (PasskeyPrompt prompt in prompts)
        {
            int[] answer = client.Greedy([.. prompt.InputIds], options.MaxNewTokens);
            string text = tokenizer.Decode([.. answer.TakeWhile(id => !tokenizer.EndIds.Contains(id))]);
            Assert.Equal(ours.Single(trial => trial.Length == prompt.Length && trial.Trial == prompt.Trial).Answer, text);
            found += PasskeyPrompt.ReadKey(text) == prompt.Key ? 1 : 0;
        }
        return (found, prompts.Count);
    }

    private void Train(ITokenizer tokenizer)
    {
        var options = new FineTuneOptions
        {
            Model = s_shipped,
            Data = new DataOptions { Paths = [] },
            Out = _temp["pose"],
            TargetLength = Target + Window,
            Positions = new PositionOptions { Content = ContentMode.Contiguous },
            Rope = new RopeOverrides { Type = RopeType.Yarn, Factor = 24 },
            MinDocumentTokens = 1,
            Training = new TrainOptions { Steps = Steps, BatchSize = 8, LearningRate = 1e-3, WarmupSteps = 4, MinLearningRateRatio = 0.1 },
        };
        var text = new SyntheticMixOptions
        {
            Documents = Steps * 8,
            PasskeyFraction = 0.4,
            Window = Window,
            LongestChronicle = 16 * Window,
        };
        TokenList documents = SyntheticMix.Tokens(text, SyntheticPart.Train, 1001, tokenizer);
        using PretrainedModel pretrained = FineTune.Load(options);
        var folder = new RunFolder(options.Out);
        using FolderClaim claim = folder.Lock();
        TrainingRun.Run(pretrained, FineTune.Dataset(options, HfConfig.ForModel(s_shipped).Model, documents, tokenizer), options.Training,
            options, FineTuneContract.Partial(options), folder, new SaveOptions { EverySteps = 0 }, null, CancellationToken.None);
    }
}
