using CsCheck;
using Skipwise.Positions;

namespace Skipwise.Tests.Positions;

/// <summary>Generators of valid options and documents, small enough that every corner comes up.</summary>
internal static class AnyPose
{
    /// <summary>All modes, length rules and content modes, with and without an end share; windows of 1..40 tokens, targets up to
    /// 200.</summary>
    public static readonly Gen<PoseOptions> Options =
        from mode in Gen.Enum<PositionMode>()
        from rule in Gen.Enum<LengthRule>()
        from content in Gen.Enum<ContentMode>()
        from trainLength in Gen.Int[2, 40]
        from extra in Gen.Int[1, 160]
        from chunks in Gen.Int[1, 6]
        from randomStart in Gen.Bool
        from endShare in Gen.Int[0, 2].Select(i => new[] { 0, 0.25, 1 }[i])
        select new PoseOptions
        {
            Mode = mode,
            LengthRule = rule,
            Content = content,
            TrainLength = trainLength,
            TargetLength = trainLength + extra,
            Chunks = rule == LengthRule.Released ? 2 : Math.Min(chunks, trainLength),
            RandomStart = randomStart,
            EndShare = endShare,
        };

    public static readonly Gen<int> DocumentLength = Gen.Int[1, 300];

    /// <summary>Documents over ten token ids; ids 0 and 1 serve as split tokens.</summary>
    public static readonly Gen<int[]> Document = Gen.Int[0, 9].Array[1, 120];
}
