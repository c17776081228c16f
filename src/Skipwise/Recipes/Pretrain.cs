using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Distributed;
using Skipwise.Models;
using Skipwise.Positions;
using Skipwise.Rope;
using Skipwise.Runs;
using Skipwise.Storage;
using Skipwise.Synthetic;
using Skipwise.Tokenizers;
using Skipwise.Tokenizers.Training;
using Skipwise.TokenStores;
using Skipwise.Training;
using Skipwise.Training.Optimizers;

namespace Skipwise.Recipes;

/// <summary>Options of the small base model: size, text, schedule.</summary>
public sealed record PretrainOptions
{
    /// <summary>folder of the finished model</summary>
    [PathName]
    public required string Out { get; init; }
    /// <summary>seed of corpus, weights and data order</summary>
    public ulong Seed { get; init; } = 1;
    /// <summary>context window in tokens</summary>
    [Within(16, 1 << 20)]
    public int ContextLength { get; init; } = 128;
    /// <summary>size of the byte-pair vocabulary to learn</summary>
    [Within(1, 1 << 20)]
    public int VocabSize { get; init; } = 1024;
    /// <summary>width C of the hidden states</summary>
    [Within(2, 1 << 16)]
    public int HiddenSize { get; init; } = 192;
    /// <summary>width of the feed-forward block</summary>
    [Within(1, 1 << 20)]
    public int IntermediateSize { get; init; } = 512;
    /// <summary>number of decoder layers</summary>
    [Within(1, 1000)]
    public int NumHiddenLayers { get; init; } = 4;
    /// <summary>number of attention heads</summary>
    [Within(1, 1 << 12)]
    public int NumAttentionHeads { get; init; } = 3;
    /// <summary>base of RoPE; a window this short needs no larger one</summary>
    [Within(1, 1e15, Above = true)]
    public double RopeTheta { get; init; } = 100;
    /// <summary>steps of the first stage, on repeated lists in half the window</summary>
    [Within(1, 1e9)]
    public int ListSteps { get; init; } = 1000;
    /// <summary>steps of the second stage, on the whole corpus</summary>
    [Within(1, 1e9)]
    public int Steps { get; init; } = 3600;
    /// <summary>documents of the second stage's corpus</summary>
    [Within(1, 1e7)]
    public int Documents { get; init; } = 26000;
    /// <summary>windows per step</summary>
    [Within(1, 1 << 16)]
    public int BatchSize { get; init; } = 32;
    /// <summary>peak learning rate</summary>
    [Within(0, 1e30, Above = true)]
    public double LearningRate { get; init; } = 2.5e-3;
}

/// <summary>
/// Pretrains the demo's base model in two stages. Retrieval (copying what followed the same word before) does not form on the mixed corpus
/// in any affordable time; on repeated lists alone it forms within two million tokens, and the second stage keeps it.
/// </summary>
public static class Pretrain
{
    /// <summary>names of the stages in progress reports</summary>
    public const string ListStage = "lists", CorpusStage = "corpus";

    private const double ListRate = 3e-3;

    /// <param name="options">size, text and schedule</param>
    /// <param name="save">checkpoints, resumption</param>
    /// <param name="progress">stage name and step</param>
    /// <param name="collective">the ranks that train together (<see cref="Collectives"/>), all by this call; null: this process
    /// alone. Rank 0 writes; all report. An error on one rank has to end the job (<see cref="ICollective.Abort"/>)</param>
    /// <param name="stop">ends the run with a checkpoint</param>
    /// <example>
    /// <code>
    /// Pretrain.Run(new() { Out = "base", Steps = 1000 }, new());
    /// </code>
    /// </example>
    public static TrainingOutcome Run(
        PretrainOptions options, SaveOptions save, IProgress<(string Stage, StepMetrics Metrics)>? progress = null,
        ICollective? collective = null, CancellationToken stop = default) =>
        Run(options, family: null, tokenizerOf: null, save, progress, collective, stop);

    /// <summary>The same for a model of any family.</summary>
    /// <param name="options">its sizes equal those of <paramref name="family"/></param>
    /// <param name="family">configuration of the model; null: a Llama of the options' size</param>
    /// <param name="tokenizerOf">folder with the tokenizer; null: it is learned</param>
    internal static TrainingOutcome Run(PretrainOptions options, HfConfig? family, string? tokenizerOf, SaveOptions save,
        IProgress<(string Stage, StepMetrics Metrics)>? progress, ICollective? collective, CancellationToken stop)
    {
        int heads = options.NumAttentionHeads;
        OptionCheck.Require("Pretraining", options,
        [
            .. heads > 0 && options.HiddenSize % (2 * heads) != 0
                ? (string[])[
                    $"{OptionName.Of(nameof(PretrainOptions.HiddenSize))} {options.HiddenSize} and "
                    + $"{OptionName.Of(nameof(PretrainOptions.NumAttentionHeads))} {heads}: the hidden size must be a multiple of "
                    + $"2 x heads, such as {64 * heads} over {heads}"] : [],
            .. (long)options.ListSteps * options.BatchSize > int.MaxValue
                ? (string[])[$"{OptionName.Of(nameof(PretrainOptions.ListSteps))} {options.ListSteps} x "
                    + $"{OptionName.Of(nameof(PretrainOptions.BatchSize))} {options.BatchSize} are more lists than can be made "
                    + $"({int.MaxValue})"] : [],
        ]);
        ICollective ranks = collective ?? SingleProcess.Instance;
        RankAgreement.RequireOptions(ranks, options, save);
        bool isFirst = ranks.Rank == 0;
        string listsOut = options.Out + "-lists";
        string called = OptionName.Of(nameof(PretrainOptions.Out));
        RunFolder corpusRun = new(options.Out, called, writes: isFirst), listsRun = new(listsOut, called, writes: isFirst);
        using FolderClaim? claim = isFirst
            ? Claim(corpusRun, Contract(options, family), CorpusTraining(options), save)
            : null;
        RankFiles.Begin(ranks, options.Out);
        if (ranks.FromFirst(() => save.Resume && corpusRun.IsFinished))
        {
            RemoveStages(listsRun, options, family, ranks); // a killed process may have left them
            RankFiles.End(ranks, options.Out);
            return new TrainingOutcome(true, null);
        }
        using FolderClaim? listsClaim = isFirst
            ? Claim(listsRun, ListContract(options, family), ListTraining(options), save)
            : null;
        if (tokenizerOf is null)
        {
            string learned = tokenizerOf = listsOut + "-tokenizer";
            ranks.OnFirst(() => WriteTokenizer(options, learned));
        }
        ITokenizer tokenizer = TokenizerLoader.Load(tokenizerOf);

        if (!ranks.FromFirst(() => save.Resume && listsRun.IsFinished))
        {
            using PretrainedModel fresh = Fresh(options, family, tokenizer, tokenizerOf);
            TrainingOutcome lists =
                TrainingRun.Run(
                    fresh, Lists(options, tokenizer), ListTraining(options).Divided(ranks.Size), options, ListContract(options, family),
                    listsRun, save,
                    Named(ListStage), stop, collective: ranks);
            if (!lists.Completed)
            {
                RankFiles.End(ranks, options.Out);
                return lists;
            }
        }
        using PretrainedModel taught = PretrainedModel.Load(new ModelSource(listsOut));
        TrainingOutcome outcome =
            TrainingRun.Run(
                taught, Corpus(options, tokenizer), CorpusTraining(options).Divided(ranks.Size), options, Contract(options, family),
                corpusRun, save,
                Named(CorpusStage), stop, collective: ranks);
        if (outcome.Completed)
        {
            RemoveStages(listsRun, options, family, ranks);
        }
        RankFiles.End(ranks, options.Out);
        return outcome;

        IProgress<StepMetrics>? Named(string stage) =>
            progress is null ? null : new SynchronousProgress<StepMetrics>(metrics => progress.Report((stage, metrics)));
    }

    /// <summary>Values that decide the finished model's bytes.</summary>
    /// <param name="family">configuration of the model; null: a Llama of the options' size</param>
    internal static RunContract Contract(PretrainOptions options, HfConfig? family) =>
        PretrainContract.Complete(options, CorpusTraining(options), family);

    private static RunContract ListContract(PretrainOptions options, HfConfig? family) =>
        PretrainContract.Complete(options, ListTraining(options), family);

    private static FolderClaim Claim(RunFolder run, RunContract contract, TrainOptions training, SaveOptions save)
    {
        TrainingRun.RequireStartable(run, contract, training, save);
        FolderClaim claim = run.Lock();
        try
        {
            // another process may have begun or finished the run since
            TrainingRun.RequireStartable(run, contract, training, save);
            return claim;
        }
        catch
        {
            claim.Dispose();
            throw;
        }
    }

    private static void RemoveStages(RunFolder lists, PretrainOptions options, HfConfig? family, ICollective ranks)
    {
        if (ranks.Rank == 0 && PretrainContract.Partial(options, family).IsThatOf(lists.ContractPath))
        {
            lists.Delete();
            AtomicFolder.Delete(lists.Path + "-tokenizer");
        }
    }

    private static void WriteTokenizer(PretrainOptions options, string folder)
    {
        BytePairVocabulary vocabulary = SyntheticVocabulary.Learn(options.Seed, new BytePairOptions { VocabularySize = options.VocabSize });
        AtomicFolder.Write(folder, "tokenizer", inner => TokenizerWriter.Write(vocabulary, inner, options.ContextLength));
    }

    private static PretrainedModel Fresh(PretrainOptions options, HfConfig? family, ITokenizer tokenizer, string tokenizerFolder)
    {
        var model = new CausalLM(family?.Model ?? new DecoderConfig
        {
            VocabSize = tokenizer.VocabularySize,
            HiddenSize = options.HiddenSize,
            IntermediateSize = options.IntermediateSize,
            NumHiddenLayers = options.NumHiddenLayers,
            NumAttentionHeads = options.NumAttentionHeads,
            NumKeyValueHeads = options.NumAttentionHeads,
            HeadDim = options.HiddenSize / options.NumAttentionHeads,
            MaxPositionEmbeddings = options.ContextLength,
            TieWordEmbeddings = true,
            InitializerRange = 0.05,
            Rope = new RopeOptions { Theta = options.RopeTheta },
            BosTokenId = tokenizer.BosId,
            EosTokenId = tokenizer.EosId,
        });
        WeightInit.Initialize(model, options.Seed);
        return family is null ? PretrainedModel.Create(model, tokenizerFolder) : PretrainedModel.Create(model, family, tokenizerFolder);
    }

    private static PoseDataset Lists(PretrainOptions options, ITokenizer tokenizer)
    {
        int window = options.ContextLength / 2;
        var documents = Enumerable.Range(0, options.ListSteps * options.BatchSize)
            .Select(index =>
                tokenizer.Encode(
                    SyntheticCorpus.Document(SyntheticKind.RepeatedLists, SyntheticPart.Train, options.Seed, (ulong)index,
                        TextLength.Tokens(window, tokenizer))));
        return Windows(new TokenList([.. documents]), window, options, tokenizer);
    }

    private static PoseDataset Corpus(PretrainOptions options, ITokenizer tokenizer)
    {
        var mix = new SyntheticMixOptions
        {
            Documents = options.Documents,
            ListFraction = 0.2,
            Window = options.ContextLength,
            LongestChronicle = 16 * options.ContextLength
        };
        return Windows(SyntheticMix.Tokens(mix, SyntheticPart.Train, options.Seed, tokenizer), options.ContextLength, options, tokenizer);
    }

    private static PoseDataset Windows(ITokenSource documents, int window, PretrainOptions options, ITokenizer tokenizer) =>
        new(documents, new PoseOptions { Mode = PositionMode.Short, TrainLength = window, TargetLength = window, RandomStart = true },
            options.Seed, tokenizer.BosId, minDocumentTokens: 1);

    private static TrainOptions ListTraining(PretrainOptions options) => new()
    {
        Steps = options.ListSteps,
        BatchSize = options.BatchSize,
        LearningRate = ListRate,
        WarmupSteps = 100,
        LearningRateDecay = LearningRateDecay.Cosine,
        MinLearningRateRatio = 0.3,
        AdamW = s_adamW,
    };

    private static TrainOptions CorpusTraining(PretrainOptions options) => new()
    {
        Steps = options.Steps,
        BatchSize = options.BatchSize,
        LearningRate = options.LearningRate,
        WarmupSteps = 50,
        LearningRateDecay = LearningRateDecay.Cosine,
        MinLearningRateRatio = 0.05,
        AdamW = s_adamW,
    };

    private static readonly AdamWOptions s_adamW = new(Beta2: 0.95, WeightDecay: 0.1);
}
