using Skipwise.Positions;
using Skipwise.Rope;
using Skipwise.Training;
using static System.FormattableString;

namespace Skipwise.Reproduction;

/// <summary>Sentences that say what was done, derived from variants and scale.</summary>
internal sealed partial class ReproductionContext
{
    /// <summary>How the variants are trained that are trained.</summary>
    public IReadOnlyList<string> ProtocolOfTraining(IEnumerable<Variant> variants)
    {
        Variant[] trained = [.. variants.Where(variant => variant.IsTrained)];
        TrainOptions demo = DemoDefaults.Options.Training;
        int[] steps = [.. trained.Select(Models.StepsOf).Distinct().Order()];
        IEnumerable<string> rates = trained.Select(variant => variant.LearningRate).Distinct().Order().Select(rate => Invariant($"{rate}"));
        bool isDemo = steps is [var only] && (only, Scale.BatchSize, Scale.TrainingDocuments)
            == (demo.Steps, demo.BatchSize, DemoDefaults.Options.TrainingDocuments);
        return
        [
            $"Training: {Listed(steps)} steps of {Scale.BatchSize} windows, {Scale.TrainingDocuments} documents a seed, AdamW, " +
            $"peak rate {string.Join(", ", rates)}, {demo.LearningRateDecay.ToString().ToLowerInvariant()} decay. " +
            (isDemo ? "So does the demo." : $"The demo takes {demo.Steps} steps of {demo.BatchSize} windows, " +
                $"{DemoDefaults.Options.TrainingDocuments} documents."),
            string.Join(" ", RopeFactors(trained)),
            .. Positions(trained),
            .. Texts(trained),
            trained.Max(variant => SeedsOf(variant).Count) is > 1 and int seeds
                ? $"Seeds: {seeds}. They differ in text, data order and positions; variants of one seed read the same text."
                : "Seeds: ONE. Intervals cover the choice of documents and trials, not the randomness of training.",
        ];
    }

    /// <summary>How perplexity is measured.</summary>
    public string ProtocolOfPerplexity() =>
        $"Perplexity: every token of {Scale.Documents} held-out documents of {BaseModel.DocumentWindows * Window} tokens, in windows " +
        "that slide by half their length. All models read the same documents, and differences are taken document by document.";

    /// <summary>How passkeys are measured.</summary>
    public string ProtocolOfPasskey() =>
        $"Passkey: {Scale.Trials} prompts per length, keys at as many depths spread over the filler. All models answer the same prompts.";

    /// <summary>How <see cref="FirstTokens"/> is measured.</summary>
    /// <param name="longest">the longest window of each set of windows, in multiples of the base's</param>
    public string ProtocolOfFirstTokens(IEnumerable<int> longest) =>
        "Perplexity: of the first tokens of held-out documents, as in the paper's figure 4: " +
        string.Join(", ", longest.Select(multiple =>
            $"{Base.LongDocumentsCount(multiple)} documents of at least {multiple * Window} tokens for a target of {multiple}x")) +
        ". Models of one target read the same documents, and differences are taken document by document.";

    /// <summary>How benchmarks are measured.</summary>
    public string ProtocolOfBenchmarks() =>
        $"Benchmarks: by the rules of lm-evaluation-harness as of 2023, prompts cut to the base's {Window} tokens, " +
        (Scale.BenchmarkLimit is { } limit ? $"the first {limit} questions." : "all questions.");

    /// <summary>Where chunks take their text from, if all variants have it from one place; else their names say it.</summary>
    private static IEnumerable<string> Texts(Variant[] trained) =>
        trained.Where(variant => variant.Positions!.Mode == PositionMode.Pose).Select(variant => variant.Positions!.Content).Distinct()
            .ToArray() is [ContentMode.Contiguous]
            ? ["Text: contiguous, as in the demo; only positions skip. The paper's default skips text too."]
            : [];

    /// <summary>A sentence for each way to choose the factor, with the names of its variants if there are several.</summary>
    private static IEnumerable<string> RopeFactors(Variant[] trained)
    {
        IGrouping<double, Variant>[] groups = [.. trained.GroupBy(variant => variant.EffectiveRopeFactor / variant.Extension)];
        return groups.Select(group =>
            $"RoPE{(groups.Length > 1 ? $" of {Listed(group.Select(variant => variant.Name))}" : "")}: " +
            $"{Listed(group.Select(variant => Variant.NameOf(variant.Rope ?? RopeType.Default)).Distinct())}, " +
            (group.Key == 1 ? "the extension is the factor, as in the paper."
                : Invariant($"the factor is {group.Key} times the extension, as in the demo.")));
    }

    /// <summary>Where positions end.</summary>
    private static IEnumerable<string> Positions(Variant[] trained)
    {
        bool hasFull = trained.Any(variant => variant.Positions!.Mode == PositionMode.Full);
        int[] margins =
        [
            .. trained.Where(variant => variant.Positions!.Mode is PositionMode.Pose or PositionMode.RandPos)
                .Select(variant => variant.MarginWindows).Distinct(),
        ];
        return margins.Select(margin => margin == 0
            ? "Positions: drawn below the target."
            : $"Positions: drawn up to {margin} window past the target, so that its last distances are trained too, as in the demo." +
                (hasFull ? " Full-length training ends at the target." : ""));
    }

    private static string Listed<T>(IEnumerable<T> values) => string.Join(", ", values);
}
