using System.Collections;
using System.CommandLine;
using System.Globalization;
using System.Reflection;
using Skipwise.Cli.Flags;
using Skipwise.Data;
using Skipwise.Documents;

namespace Skipwise.Tests.Cli;

/// <summary>Every option of the groups that verbs share decides the member that it is named after, and no other.</summary>
public sealed class FlagGroupTests
{
    private static readonly Dictionary<string, Func<Command, Func<ParseResult, object>>> s_groups = new()
    {
        ["compute"] = command => new ComputeFlags(command).Of,
        ["data"] = command => new DataFlags(command, required: false).Of,
        ["evaluation"] = command =>
        {
            var flags = new RunEvaluationFlags(command);
            return parse => flags.Of(parse, new DataOptions { Paths = [], Documents = new DocumentOptions { Field = "body" } });
        },
        ["gates"] = command => new GateFlags(command).Of,
        ["effective length"] = command => new GateFlags(command).Rule,
        ["generation"] = command => new GenerationFlags(command).Of,
        ["limits"] = command => new LimitFlags(command).Of,
        ["lora"] = command => new LoraFlags(command).Of,
        ["positions"] = command => new PositionFlags(command).Of,
        ["window start"] = command =>
        {
            var flags = new PositionFlags(command);
            return parse => new WindowStart { RandomStart = flags.RandomStart(parse) };
        },
        ["rope"] = command => new RopeFlags(command).Of,
        ["save"] = command => new SaveFlags(command).Of,
        ["train"] = command => new TrainFlags(command).Of,
    };

    /// <summary>Group, option, and the members that it changes; no value is a default.</summary>
    public static TheoryData<string, string, string> Options => new()
    {
        { "compute", "--device=cpu", "Device=cpu" },
        { "compute", "--dtype=bfloat16", "Dtype=Bfloat16" },
        { "compute", "--tf32", "Tf32=True" },
        { "data", "--data=books", "Paths=books" },
        { "data", "--text-field=body", "Documents.Field=body" },
        { "data", "--separator=--\\n", "Documents.SeparatorText=--\n" },
        { "data", "--max-document-mb=7", "Documents.Limits.MaxDocumentMegabytes=7" },
        { "data", "--max-decompression-ratio=11", "Documents.Limits.MaxDecompressionRatio=11" },
        { "evaluation", "--eval-every=7", "EverySteps=7" },
        { "evaluation", "--eval-data=held", "Data.Paths=held Data.Documents.Field=body" }, // read as the run's own text
        { "evaluation", "--eval-lengths=64, 32", "Windows=64,32" },
        { "evaluation", "--eval-documents=3", "Documents=3" },
        { "evaluation", "--eval-passkey-lengths=128,256", "PasskeyLengths=128,256" },
        { "evaluation", "--eval-passkey-trials=9", "PasskeyTrials=9" },
        { "evaluation", "--patience=4", "Patience=4" },
        { "gates", "--min-passkey=0.25", "MinPasskey=0.25" },
        { "gates", "--max-short-ppl-increase=0.03", "MaxShortPplIncrease=0.03" },
        { "gates", "--min-effective-length=64", "MinEffectiveLength=64" },
        { "effective length", "--effective-passkey=0.25", "MinPasskey=0.25" },
        { "effective length", "--effective-ruler=50.5", "MinRuler=50.5" },
        { "generation", "--max-new-tokens=7", "MaxNewTokens=7" },
        { "generation", "--temperature=0.5", "Temperature=0.5" },
        { "generation", "--top-k=3", "TopK=3" },
        { "generation", "--top-p=0.25", "TopP=0.25" },
        { "generation", "--min-p=0.125", "MinP=0.125" },
        { "generation", "--repetition-penalty=1.5", "RepetitionPenalty=1.5" },
        { "generation", "--seed=9", "Seed=9" },
        { "limits", "--max-document-mb=7", "MaxDocumentMegabytes=7" },
        { "limits", "--max-decompression-ratio=11", "MaxDecompressionRatio=11" },
        { "lora", "--lora-rank=4", "Rank=4" },
        { "lora", "--lora-alpha=12", "Alpha=12" },
        { "lora", "--lora-dropout=0.25", "Dropout=0.25" },
        { "lora", "--lora-target-modules=up_proj, q_proj,", "TargetModules=up_proj,q_proj" },
        { "lora", "--lora-train=norms", "TrainNorms=True" },
        { "lora", "--lora-train=embeddings", "TrainEmbeddings=True" },
        { "lora", "--quantization-bits=4", "QuantizationBits=4" },
        { "positions", "--positions=full", "Mode=Full" },
        { "positions", "--chunks=5", "Chunks=5" },
        { "positions", "--length-rule=released", "LengthRule=Released" },
        { "positions", "--content=contiguous", "Content=Contiguous" },
        { "positions", "--end-share=0.125", "EndShare=0.125" },
        { "positions", "--mask-seams", "MaskSeams=True" },
        { "window start", "--from-document-start", "RandomStart=False" },
        { "rope", "--rope=linear", "Type=Linear" },
        { "rope", "--rope-factor=2.5", "Factor=2.5" },
        { "rope", "--rope-original-length=77", "OriginalLength=77" },
        { "rope", "--rope-theta=12345", "Theta=12345" },
        { "save", "--save-every=7", "EverySteps=7" },
        { "save", "--keep-last=3", "KeepLast=3" },
        { "save", "--tensorboard", "TensorBoard=True" },
        { "save", "--resume", "Resume=True" },
        { "train", "--steps=7", "Steps=7" },
        { "train", "--epochs=1.5", "Epochs=1.5" },
        { "train", "--batch-size=3", "BatchSize=3" },
        { "train", "--gradient-accumulation=5", "GradientAccumulationSteps=5" },
        { "train", "--global-batch-size=64", "GlobalBatchSize=64" },
        { "train", "--shard=gradients", "Shard=Gradients" },
        { "train", "--learning-rate=0.5", "LearningRate=0.5" },
        { "train", "--warmup-steps=3", "WarmupSteps=3" },
        { "train", "--schedule=cosine", "LearningRateDecay=Cosine" },
        { "train", "--min-lr-ratio=0.125", "MinLearningRateRatio=0.125" },
        { "train", "--learning-rate-scale=norms=2", "AdamW.Scales.Norms=2" },
        { "train", "--optimizer=adafactor", "Optimizer=Adafactor" },
        { "train", "--offload=optimizer", "Offload=Optimizer" },
        { "train", "--weight-decay=0.75", "AdamW.WeightDecay=0.75" },
        { "train", "--adam-beta1=0.5", "AdamW.Beta1=0.5" },
        { "train", "--adam-beta2=0.625", "AdamW.Beta2=0.625" },
        { "train", "--adam-eps=0.25", "AdamW.Eps=0.25" },
        { "train", "--max-grad-norm=3.5", "MaxGradNorm=3.5" },
        { "train", "--spike-threshold=2.5", "SpikeThreshold=2.5" },
        { "train", "--max-bad-steps=9", "MaxBadSteps=9" },
        { "train", "--recompute-every=3", "RecomputeEvery=3" },
        { "train", "--packing", "Packing=True" },
    };

    [Theory]
    [MemberData(nameof(Options))]
    public void An_option_decides_its_member_and_no_other(string group, string option, string changes)
    {
        var command = new Command("verb");
        Func<ParseResult, object> options = s_groups[group](command);
        ParseResult parse = command.Parse([option]);
        Assert.Empty(parse.Errors);
        IEnumerable<string> changed = Members(options(parse)).Except(Members(options(command.Parse([])))).Select(x => $"{x.Key}={x.Value}");
        Assert.Equal(changes, string.Join(' ', changed.Where(change =>
            !change.EndsWith('=') && !change.StartsWith("Data.Documents.Limits", StringComparison.Ordinal))));
    }

    [Fact]
    public void No_option_of_a_group_is_left_out_above()
    {
        var listed = Options.Select(row => row.Data).ToLookup(row => row.Item1, row => row.Item2.Split('=')[0]);
        foreach (IEnumerable<string> groups in s_groups.Keys.GroupBy(group => group switch // two results of one class
        {
            "effective length" => "gates",
            "window start" => "positions",
            _ => group,
        }))
        {
            Assert.Equal(Names(s_groups[groups.First()]), groups.SelectMany(group => listed[group]).Distinct().Order());
        }

        static IEnumerable<string> Names(Func<Command, Func<ParseResult, object>> create)
        {
            var command = new Command("verb");
            create(command);
            return command.Options.Select(option => option.Name).Order();
        }
    }

    private sealed record WindowStart
    {
        public bool RandomStart { get; init; }
    }

    /// <summary>The members that can be set, those of inner records by their path, as text.</summary>
    private static IEnumerable<KeyValuePair<string, string>> Members(object options, string prefix = "")
    {
        foreach (PropertyInfo member in options.GetType().GetProperties().Where(member => member.CanWrite))
        {
            object? value = member.GetValue(options);
            IEnumerable<KeyValuePair<string, string>> members = value switch
            {
                null => [new(prefix + member.Name, "")],
                not string and IEnumerable list => [new(prefix + member.Name, string.Join(',', list.Cast<object>()))],
                not Enum when value.GetType().Namespace!.StartsWith(nameof(Skipwise), StringComparison.Ordinal) =>
                    Members(value, $"{prefix}{member.Name}."),
                _ => [new(prefix + member.Name, Convert.ToString(value, CultureInfo.InvariantCulture)!)],
            };
            foreach (KeyValuePair<string, string> inner in members)
            {
                yield return inner;
            }
        }
    }
}
