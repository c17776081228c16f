using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using Skipwise.Positions;
using Skipwise.Rope;
using Skipwise.Training;

namespace Skipwise.Tests;

/// <summary>Every number of every options record has bounds, and is held against them.</summary>
public class OptionCheckTests
{
    // A configuration file gives RopeOptions, RopeFrequency.Validate checks them; BaseBits has two values and no range; seeds may be
    // anything.
    private static readonly string[] s_exempt = ["QuantizationBits"];

    // Texts that name no file.
    private static readonly string[] s_freeTexts =
        ["Device", "Prompt", "Field", "SeparatorText", "ConfigText", "SplitAfter", "TargetModules",
        "Tasks", "Names", "SpecialTokens", "Distractors", "Texts", "Name", "System", "StopTexts"];

    public static TheoryData<Type> Records =>
    [
        .. typeof(OptionCheck).Assembly.GetTypes().Where(type => type is { IsPublic: true, IsAbstract: false }
            && ((string[])["Options", "Overrides", "Rule", "Scales"]).Any(ending => type.Name.EndsWith(ending, StringComparison.Ordinal))
                && type != typeof(RopeOptions) && !type.IsEnum),
    ];

    [Fact]
    public void The_records_are_found() => Assert.InRange(Records.Count, 25, 60);

    [Theory]
    [MemberData(nameof(Records))]
    public void Every_number_has_bounds_and_every_name_of_a_file_is_known_as_one(Type record)
    {
        foreach (PropertyInfo property in Properties(record))
        {
            if (IsNumber(property) && !s_exempt.Contains(property.Name))
            {
                Assert.True(property.GetCustomAttribute<WithinAttribute>() is not null,
                    $"{record.Name}.{property.Name} needs [Within(least, most)]");
            }
            if (Element(property) == typeof(string) && !s_freeTexts.Contains(property.Name))
            {
                Assert.True(property.GetCustomAttribute<PathNameAttribute>() is not null,
                    $"{record.Name}.{property.Name} needs [PathName], or is a free text");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Records))]
    public void A_number_out_of_its_bounds_is_a_problem_that_names_it(Type record)
    {
        foreach (PropertyInfo property in Properties(record).Where(property => property.GetCustomAttribute<WithinAttribute>() is not null))
        {
            WithinAttribute bounds = property.GetCustomAttribute<WithinAttribute>()!;
            Type element = Element(property);
            object[] wrong = element == typeof(double)
                ? [double.NaN, double.PositiveInfinity, double.NegativeInfinity, -1e300, 1e300, bounds.Above ? bounds.Least
                    : bounds.Least - 1e-3, bounds.Below ? bounds.Most : bounds.Most + (bounds.Most * 1e-9)]
                : element == typeof(int) ? [int.MinValue, int.MaxValue, (int)bounds.Least - 1, (int)bounds.Most + 1]
                    : [long.MinValue, long.MaxValue];
            foreach (object value in wrong)
            {
                object options = RuntimeHelpers.GetUninitializedObject(record);
                property.SetValue(options, Listed(property, value));
                string verb = Listed(property, value) is IEnumerable ? "has" : "is";
                Assert.Contains(OptionCheck.Problems(options), problem =>
                    problem.StartsWith($"{OptionName.Of(property)} {verb} ", StringComparison.Ordinal));
            }
        }
    }

    [Fact]
    public void All_problems_are_told_at_once_also_those_of_records_inside()
    {
        var options = new TrainOptions
        {
            Steps = 0,
            LearningRate = double.NaN,
            AdamW = new(Beta1: 1, Eps: -1) { Scales = new() { Norms = -1 } }
        };
        Assert.Equal(
            "Training: TrainOptions.Steps is 0; it must be at least 1; "
            + "TrainOptions.LearningRate is NaN; it must be above 0 and at most 1E+30; AdamWOptions.Beta1 is 1; it must be below 1; "
            + "AdamWOptions.Eps is -1; it must be at least 0; LearningRateScales.Norms is -1; it must be 0 (not trained) or more.",
                Assert.Throws<SkipwiseException>(options.Validate).Message);
    }

    [Fact]
    public void A_choice_that_does_not_exist_is_a_problem() =>
        Assert.Equal("PositionOptions.LengthRule is 9, which does not exist",
            Assert.Single(OptionCheck.Problems(new PoseOptions { TrainLength = 8, TargetLength = 16, LengthRule = (LengthRule)9 })));

    private static IEnumerable<PropertyInfo> Properties(Type record) =>
        record.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.CanWrite);

    private static bool IsNumber(PropertyInfo property) =>
        Element(property) is var type && (type == typeof(int) || type == typeof(long) || type == typeof(double) || type == typeof(float));

    private static Type Element(PropertyInfo property)
    {
        Type type = property.PropertyType;
        type = type != typeof(string) && type.IsAssignableTo(typeof(IEnumerable)) && type.IsGenericType ? type.GetGenericArguments()[^1]
            : type;
        return Nullable.GetUnderlyingType(type) ?? type;
    }

    private static object Listed(PropertyInfo property, object value) =>
        property.PropertyType == typeof(IReadOnlyList<int>) ? new[] { (int)value }
            : property.PropertyType == typeof(IReadOnlyDictionary<int, double>) ? new Dictionary<int, double> { [1] = (double)value }
            : value;
}
