using Skipwise.Models;
using Skipwise.Positions;
using Skipwise.Reproduction;
using Skipwise.Rope;
using Skipwise.Runs;

namespace Skipwise.Tests.Reproduction;

/// <summary>What names a model in the cache: everything that decides its bytes, and nothing else.</summary>
public sealed class TrainedModelsTests(TinyBase start) : IClassFixture<TinyBase>
{
    private static readonly Variant s_pose = Variant.Pose(8);

    private static readonly Dictionary<string, Func<Variant, Variant>> s_changes = new()
    {
        ["mode"] = variant => variant with { Positions = variant.Positions! with { Mode = PositionMode.Short } },
        ["content"] = variant => variant with { Positions = variant.Positions! with { Content = ContentMode.Follow } },
        ["chunks"] = variant => variant with { Positions = variant.Positions! with { Chunks = 3 } },
        ["length rule"] = variant => variant with { Positions = variant.Positions! with { LengthRule = LengthRule.Released } },
        ["extension"] = variant => variant with { Extension = 4, RopeFactor = 24 },
        ["margin"] = variant => variant with { MarginWindows = 0 },
        ["rope"] = variant => variant with { Rope = RopeType.Ntk },
        ["factor"] = variant => variant with { RopeFactor = 16 },
        ["steps"] = variant => variant with { Steps = 3 },
        ["rate"] = variant => variant with { LearningRate = 2e-3 },
        ["packing"] = variant => variant with { Packing = true },
        ["training"] = variant => variant with { Positions = null },
        ["everything"] = _ => Variant.Untouched(),
    };

    public static TheoryData<string> Changes => [.. s_changes.Keys];

    [Theory]
    [MemberData(nameof(Changes))]
    public void A_change_is_another_model(string change)
    {
        using ReproductionContext context = Context(TinyBase.Scale);
        Variant changed = s_changes[change](s_pose);
        Assert.NotEqual(s_pose, changed);
        Assert.NotEqual(context.Models.Key(s_pose, 1), context.Models.Key(changed, 1));
    }

    /// <summary>The version of the training is in the key once it is not the first.</summary>
    [Fact]
    public void So_is_another_version_of_the_program()
    {
        NamedValue version = TrainedModels.TrainingVersionValue, later = version with { Value = "later" };
        Assert.NotEqual(CacheKey.Of([version]), CacheKey.Of([later]));
        Assert.NotEqual(RunContract.Complete([version]).ToJson(), RunContract.Complete([later]).ToJson());
    }

    [Fact]
    public void So_is_another_seed_or_scale_of_training()
    {
        using ReproductionContext context = Context(TinyBase.Scale);
        string[] keys =
        [
            context.Models.Key(s_pose, 1), context.Models.Key(s_pose, 2), Key(TinyBase.Scale with { Steps = 3 }),
            Key(TinyBase.Scale with { BatchSize = 3 }), Key(TinyBase.Scale with { TrainingDocuments = 9 }),
        ];
        Assert.Equal(keys.Length, keys.Distinct().Count());
    }

    [Fact]
    public void Names_paths_and_what_is_measured_make_no_difference()
    {
        using ReproductionContext context = Context(TinyBase.Scale);
        string key = context.Models.Key(s_pose, 1);
        string copy = start.Copy("copy");
        Assert.Equal(key, context.Models.Key(s_pose with { Name = "another" }, 1));
        Assert.Equal(key, context.Models.Key(s_pose with { Base = copy }, 1));
        Assert.Equal(key, context.Models.Key(s_pose with { RopeFactor = 24, Steps = TinyBase.Scale.Steps }, 1)); // what is derived anyway
        Assert.Equal(key, Key(TinyBase.Scale with { Name = "x", Seeds = 9, Documents = 7, Trials = 5, PasskeyMultiples = [1] }));
        Assert.Equal(context.Models.Key(Variant.Untouched(), 1), context.Models.Key(Variant.Untouched(), 2)); // no seed decides it
    }

    [Fact]
    public void The_keys_of_untouched_scaled_and_trained_models_differ()
    {
        using ReproductionContext context = Context(TinyBase.Scale);
        Assert.Equal(3, ((Variant[])[Variant.Untouched(), s_pose with { Positions = null }, s_pose])
            .Select(variant => context.Models.Key(variant, 1)).Distinct().Count());
    }

    private string Key(ReproductionScale scale)
    {
        using ReproductionContext context = Context(scale);
        return context.Models.Key(s_pose, 1);
    }

    private ReproductionContext Context(ReproductionScale scale) =>
        new(start.Folder, start.PathOf("out"), scale, new(), CancellationToken.None);
}
