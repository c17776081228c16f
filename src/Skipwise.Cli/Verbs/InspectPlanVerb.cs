using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Numerics;
using Skipwise.Positions;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise inspect plan</c></summary>
internal static class InspectPlanVerb
{
    private const int LongestDocument = 1 << 29;
    private const int BarWidth = 64;
    private const int MostChunksShown = 32; // randpos has one for nearly every token

    public static Verb Create(Screen screen)
    {
        var verb = new Verb("plan", "Show one training window: its chunks, their positions, and the relative distances between them.",
            """
            skipwise inspect plan --train-length 2048 --target-length 16384
            skipwise inspect plan --train-length 2048 --target-length 16384 --chunks 4 --index 7
            skipwise inspect plan --train-length 2048 --target-length 16384 --positions randpos --json
            """);
        Flag<int> trainLength = verb.RequiredInteger("--train-length", "tokens per training window").Sets(nameof(PoseOptions.TrainLength));
        Flag<int> targetLength = verb.RequiredInteger("--target-length", "the window to reach, in tokens")
            .Sets(nameof(PoseOptions.TargetLength));
        Flag<int?> documentLength =
            verb.OptionalInteger("--document-length", "length of the document, in tokens [default: the target length]");
        var positions = new PositionFlags(verb);
        Flag<ulong> seed = verb.Seed("seed of the run");
        Flag<int> epoch = verb.Integer("--epoch", "pass over the data, from 0", 0);
        Flag<int> index = verb.Integer("--index", "example within the epoch, from 0", 0);
        var json = new JsonFlag<PlanDescription>(verb);
        verb.OnRun(screen, (parse, _) =>
        {
            var options = new PoseOptions(positions.Of(parse), trainLength.ValueOf(parse), targetLength.ValueOf(parse))
            {
                RandomStart = positions.RandomStart(parse),
            };
            options.Validate();
            int length = documentLength.ValueOf(parse) ?? options.TargetLength;
            if (length is < 1 or > LongestDocument || epoch.ValueOf(parse) < 0 || index.ValueOf(parse) < 0)
            {
                throw new SkipwiseException(
                    $"--document-length {length}, --epoch {epoch.ValueOf(parse)}, --index {index.ValueOf(parse)}: a document has from 1 to "
                    + $"{LongestDocument} tokens, epochs and examples count from 0.");
            }
            var rng = new KeyedRandom(seed.ValueOf(parse), (ulong)epoch.ValueOf(parse), (ulong)index.ValueOf(parse));
            PositionPlan plan = PoseSampler.Sample(ref rng, length, options);
            var description = PlanDescription.FromPlan(plan);
            json.Show(parse, screen, description, () => Show(screen, plan, description));
            return ExitCode.Success;
        });
        return verb;
    }

    private static void Show(Screen screen, PositionPlan plan, PlanDescription description)
    {
        screen.Table(new ResultTable($"{plan.WindowLength} tokens in {description.Chunks.Count} chunks",
            ["chunk", "tokens", "of the document", "positions", "skipped positions", "skipped tokens"],
            [.. description.Chunks.Take(MostChunksShown).Select((chunk, i) => (IReadOnlyList<string>)
                [$"{i}", $"{chunk.Length}", $"{chunk.FirstToken}..{chunk.LastToken}", $"{chunk.FirstPosition}..{chunk.LastPosition}",
                    $"{chunk.SkippedPositions}", $"{chunk.SkippedTokens}"])]));
        if (description.Chunks.Count > MostChunksShown)
        {
            screen.Line($"... and {description.Chunks.Count - MostChunksShown} more chunks");
        }
        screen.Line(
            $"document   {Bar(plan.Chunks.Select(chunk => (chunk.ContentStart, chunk.ContentEnd)), plan.DocumentLength)} " +
            $"0..{plan.DocumentLength - 1}");
        screen.Line(
            $"positions  {Bar(plan.Chunks.Select(chunk => (chunk.PositionStart, chunk.PositionEnd)), plan.TargetLength)} " +
            $"0..{plan.TargetLength - 1}");
        screen.Line(
            $"distances  {Bar(description.Distances.Select(range => (range.First, range.Last + 1)), plan.TargetLength)} " +
            $"{description.CoveredFraction:P1} of 1..{plan.TargetLength - 1}");
        screen.Line(
            $"           {string.Join(", ", description.Distances.Take(MostChunksShown).Select(range => $"{range.First}..{range.Last}"))}" +
            $"{(description.Distances.Count > MostChunksShown ? ", ..." : "")}");
    }

    private static string Bar(IEnumerable<(int Start, int End)> ranges, int length) => RangeBar.Of([.. ranges], length, BarWidth);
}
