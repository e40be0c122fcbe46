//! What the two roles of a pipeline may do: only what something in the generated code calls.

use super::plan::Plan;
use super::policy::Statement;
use crate::recipe::ScheduleType;

/// Whose permission it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Data Pipeline itself.
    Pipeline,
    /// The instance, with Task Runner and the script on it.
    Instance,
    /// The container.
    Task,
    /// Fargate, which starts the container.
    Execution,
    /// The state machine.
    Machine,
    /// What starts the state machine.
    Scheduler,
}

impl Role {
    /// Its name, such as `pipeline`.
    pub fn name(self) -> &'static str {
        match self {
            Role::Pipeline => "pipeline",
            Role::Instance => "instance",
            Role::Task => "task",
            Role::Execution => "execution",
            Role::Machine => "machine",
            Role::Scheduler => "scheduler",
        }
    }

    /// What stands for its name in texts.
    pub(super) fn token(self) -> &'static str {
        match self {
            Role::Pipeline => "pipeline-role",
            Role::Instance => "instance-role",
            Role::Task => "task-role",
            Role::Execution => "execution-role",
            Role::Machine => "machine-role",
            Role::Scheduler => "scheduler-role",
        }
    }
}

/// One permission, and what needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Need {
    /// Whose.
    pub role: Role,
    /// The action, such as `sns:Publish`.
    pub action: &'static str,
    /// The call that needs it: which, and of what in the generated code.
    pub call: &'static str,
    /// Why it is for every resource (`*`), where it is.
    pub why_all: Option<&'static str>,
}

/// Permissions that share their resources and conditions.
pub(super) struct Group {
    pub(super) role: Role,
    sid: &'static str,
    actions: Vec<(&'static str, &'static str)>,
    resources: Vec<String>,
    pub(super) why_all: Option<&'static str>,
    pub(super) conditions: Vec<(&'static str, &'static str, String)>,
}

impl Group {
    pub(super) fn needs(&self) -> impl Iterator<Item = Need> {
        let (role, why_all) = (self.role, self.why_all);
        self.actions.iter().map(move |(action, call)| Need { role, action, call, why_all })
    }

    pub(super) fn statement(&self) -> Statement {
        let actions = self.actions.iter().map(|(action, _)| (*action).to_owned());
        Statement {
            sid: self.sid.to_owned(),
            actions: actions.collect(),
            resources: self.resources.clone(),
            conditions: self.conditions.clone(),
            ..Statement::default()
        }
    }
}

/// Why a list of EC2 is for all.
const LISTS: &str = "IAM knows no resources of EC2's Describe calls";
/// Why a call of Data Pipeline's workers is for all.
const TASKS: &str = "the pipeline's id is not known before it is made, and a task has no ARN";

/// Every group of permissions of the plan, in the order in which they are written.
pub(super) fn groups(plan: &Plan<'_>) -> Vec<Group> {
    let mut groups = pipeline(plan);
    groups.extend(instance(plan));
    groups
}

pub(super) fn group(
    role: Role,
    sid: &'static str,
    actions: &[(&'static str, &'static str)],
    resources: Vec<String>,
) -> Group {
    let actions = actions.to_vec();
    Group { role, sid, actions, resources, why_all: None, conditions: Vec::new() }
}

pub(super) fn ec2(kind: &str) -> String {
    format!("arn:{{partition}}:ec2:{{region}}:{{account}}:{kind}")
}

fn pipeline(plan: &Plan<'_>) -> Vec<Group> {
    let mut placed = vec![ec2(&format!("subnet/{}", plan.subnet))];
    placed.extend(plan.groups().iter().map(|group| ec2(&format!("security-group/{group}"))));
    placed.extend(plan.spec.key_pair.iter().map(|key| ec2(&format!("key-pair/{key}"))));
    placed.push("arn:{partition}:ec2:{region}::image/*".to_owned());
    let run = ["instance/*", "network-interface/*", "volume/*"].map(ec2).into_iter();
    let mut lists = vec![
        ("ec2:DescribeImages", "DescribeImages: imageId of EC2ResourceObj"),
        ("ec2:DescribeInstances", "DescribeInstances: state of EC2ResourceObj"),
        ("ec2:DescribeInstanceStatus", "DescribeInstanceStatus: health of EC2ResourceObj"),
        (
            "ec2:DescribeSecurityGroups",
            "DescribeSecurityGroups: securityGroupIds of EC2ResourceObj",
        ),
        ("ec2:DescribeSubnets", "DescribeSubnets: subnetId of EC2ResourceObj"),
    ];
    if plan.spec.key_pair.is_some() {
        lists.push(("ec2:DescribeKeyPairs", "DescribeKeyPairs: keyPair of EC2ResourceObj"));
    }
    let mut groups = vec![group(
        Role::Pipeline,
        "StartInstances",
        &[("ec2:RunInstances", "RunInstances: EC2ResourceObj")],
        run.chain(placed.clone()).collect(),
    )];
    if plan.spec.spot_price.is_some() {
        lists.push((
            "ec2:DescribeSpotInstanceRequests",
            "DescribeSpotInstanceRequests: spotBidPrice of EC2ResourceObj",
        ));
        let requests = ec2("spot-instances-request/*");
        groups.push(group(
            Role::Pipeline,
            "SpotInstances",
            &[
                (
                    "ec2:RequestSpotInstances",
                    "RequestSpotInstances: spotBidPrice of EC2ResourceObj",
                ),
                (
                    "ec2:CancelSpotInstanceRequests",
                    "CancelSpotInstanceRequests: spotBidPrice of EC2ResourceObj",
                ),
            ],
            [requests].into_iter().chain(placed).collect(),
        ));
        let spot = "spot.amazonaws.com";
        let linked = format!(
            "arn:{{partition}}:iam::{{account}}:role/aws-service-role/{spot}/AWSServiceRoleForEC2Spot"
        );
        let mut first = group(
            Role::Pipeline,
            "FirstSpotInstance",
            &[(
                "iam:CreateServiceLinkedRole",
                "RequestSpotInstances: spotBidPrice of EC2ResourceObj, the account's first",
            )],
            vec![linked],
        );
        first.conditions.push(("StringEquals", "iam:AWSServiceName", spot.to_owned()));
        groups.push(first);
    }
    groups.push(group(
        Role::Pipeline,
        "NameInstances",
        &[("ec2:CreateTags", "CreateTags: Data Pipeline's own tags on EC2ResourceObj")],
        vec![ec2("instance/*")],
    ));
    let mut ended = group(
        Role::Pipeline,
        "EndOwnInstances",
        &[("ec2:TerminateInstances", "TerminateInstances: terminateAfter of EC2ResourceObj")],
        vec![ec2("instance/*")],
    );
    ended.conditions.push(("ArnEquals", "ec2:InstanceProfile", plan.profile_arn()));
    groups.push(ended);
    let mut listed = group(Role::Pipeline, "ListInstances", &lists, vec!["*".to_owned()]);
    listed.why_all = Some(LISTS);
    groups.push(listed);
    let mut passed = group(
        Role::Pipeline,
        "GiveInstancesTheirRole",
        &[("iam:PassRole", "RunInstances: resourceRole of Default")],
        vec![plan.instance_role_arn()],
    );
    passed.conditions.push(("StringEquals", "iam:PassedToService", "ec2.{dns-suffix}".to_owned()));
    groups.push(passed);
    groups.push(group(
        Role::Pipeline,
        "LookAtRoles",
        &[
            ("iam:GetRole", "GetRole: role and resourceRole of Default"),
            ("iam:GetRolePolicy", "GetRolePolicy: role and resourceRole of Default"),
            ("iam:ListAttachedRolePolicies", "ListAttachedRolePolicies: the same"),
            ("iam:ListRolePolicies", "ListRolePolicies: the same"),
        ],
        vec![plan.pipeline_role_arn(), plan.instance_role_arn()],
    ));
    groups.push(group(
        Role::Pipeline,
        "LookAtProfile",
        &[("iam:GetInstanceProfile", "GetInstanceProfile: resourceRole of Default")],
        vec![plan.profile_arn()],
    ));
    groups.extend(logs(plan, Role::Pipeline));
    groups.push(group(
        Role::Pipeline,
        "Tell",
        &[("sns:Publish", "Publish: SuccessNotify and FailureNotify")],
        plan.topics(),
    ));
    groups
}

fn logs(plan: &Plan<'_>, role: Role) -> [Group; 2] {
    let (bucket, objects) = plan.log_arns();
    [
        group(
            role,
            "FindLogs",
            &[
                ("s3:GetBucketLocation", "GetBucketLocation: pipelineLogUri of Default"),
                ("s3:ListBucket", "ListObjects: pipelineLogUri of Default"),
            ],
            vec![bucket],
        ),
        group(
            role,
            "WriteLogs",
            &[("s3:PutObject", "PutObject: pipelineLogUri of Default")],
            vec![objects],
        ),
    ]
}

fn instance(plan: &Plan<'_>) -> Vec<Group> {
    let mut tasks = group(
        Role::Instance,
        "WorkOnTasks",
        &[
            ("datapipeline:EvaluateExpression", "EvaluateExpression: Task Runner"),
            ("datapipeline:PollForTask", "PollForTask: Task Runner"),
            ("datapipeline:ReportTaskProgress", "ReportTaskProgress: Task Runner"),
            ("datapipeline:ReportTaskRunnerHeartbeat", "ReportTaskRunnerHeartbeat: Task Runner"),
            ("datapipeline:SetTaskStatus", "SetTaskStatus: Task Runner"),
        ],
        vec!["*".to_owned()],
    );
    tasks.why_all = Some(TASKS);
    let mut groups = vec![tasks];
    groups.extend(logs(plan, Role::Instance));
    groups.extend(program(plan));
    groups.extend(mounts(plan, Role::Instance));
    groups
}

/// What signing in to the file systems needs: the source is only read.
pub(super) fn mounts(plan: &Plan<'_>, role: Role) -> Vec<Group> {
    if !plan.spec.iam {
        return Vec::new();
    }
    let read = [
        ("elasticfilesystem:ClientMount", "mount -t efs -o iam of the script: both file systems"),
        (
            "elasticfilesystem:ClientRootAccess",
            "reading and writing as root of the script: owners and modes",
        ),
    ];
    let write = ("elasticfilesystem:ClientWrite", "writing of the script: the destination");
    vec![
        group(role, "ReadSource", &read, vec![plan.source_arn()]),
        group(
            role,
            "WriteBackups",
            &[&read[..1], &[write], &read[1..]].concat(),
            vec![plan.backup_arn()],
        ),
    ]
}

/// Why a call of ECR is for all.
const TOKEN: &str = "a token of ECR is for a whole registry";

/// Every group of permissions of the plan on containers.
pub(super) fn containers(plan: &Plan<'_>) -> Vec<Group> {
    let ecs = |kind: &str| format!("arn:{{partition}}:ecs:{{region}}:{{account}}:{kind}");
    let mut groups = mounts(plan, Role::Task);
    groups.push(group(
        Role::Execution,
        "WriteLog",
        &[
            ("logs:CreateLogStream", "CreateLogStream: awslogs of TaskDefinition"),
            ("logs:PutLogEvents", "PutLogEvents: awslogs of TaskDefinition"),
        ],
        vec!["{log-group-arn}".to_owned()],
    ));
    if let Some(image) = plan.environment.container.as_deref().and_then(ecr_repository) {
        let mut token = group(
            Role::Execution,
            "SignInToRegistry",
            &[("ecr:GetAuthorizationToken", "GetAuthorizationToken: Image of TaskDefinition")],
            vec!["*".to_owned()],
        );
        token.why_all = Some(TOKEN);
        groups.push(token);
        groups.push(group(
            Role::Execution,
            "FetchImage",
            &[
                ("ecr:BatchGetImage", "BatchGetImage: Image of TaskDefinition"),
                ("ecr:GetDownloadUrlForLayer", "GetDownloadUrlForLayer: Image of TaskDefinition"),
            ],
            vec![image],
        ));
    }
    groups.push(group(
        Role::Machine,
        "StartTask",
        &[("ecs:RunTask", "RunTask: Backup of StateMachine")],
        vec!["{task}".to_owned()],
    ));
    groups.push(group(
        Role::Machine,
        "FollowTask",
        &[
            ("ecs:DescribeTasks", "DescribeTasks: Backup of StateMachine, until it ends"),
            ("ecs:StopTask", "StopTask: Backup of StateMachine, when its time is up"),
        ],
        vec![ecs(&format!("task/{}/*", plan.name()))],
    ));
    let rule = "rule/StepFunctionsGetEventsForECSTaskRule";
    groups.push(group(
        Role::Machine,
        "HearOfTask",
        &[
            ("events:DescribeRule", "DescribeRule: Backup of StateMachine, until it ends"),
            ("events:PutRule", "PutRule: Backup of StateMachine, until it ends"),
            ("events:PutTargets", "PutTargets: Backup of StateMachine, until it ends"),
        ],
        vec![format!("arn:{{partition}}:events:{{region}}:{{account}}:{rule}")],
    ));
    let mut passed = group(
        Role::Machine,
        "GiveTaskItsRoles",
        &[("iam:PassRole", "RunTask: TaskRoleArn and ExecutionRoleArn of TaskDefinition")],
        vec!["{task-role-arn}".to_owned(), "{execution-role-arn}".to_owned()],
    );
    let tasks = "ecs-tasks.amazonaws.com".to_owned();
    passed.conditions.push(("StringEquals", "iam:PassedToService", tasks));
    groups.push(passed);
    groups.push(group(
        Role::Machine,
        "Tell",
        &[("sns:Publish", "Publish: TellSuccess and TellFailure of StateMachine")],
        plan.topics(),
    ));
    groups.extend(started_by_schedule(plan));
    groups
}

/// What the schedule needs, where there is one.
pub(super) fn started_by_schedule(plan: &Plan<'_>) -> Option<Group> {
    (plan.spec.schedule_type != ScheduleType::Ondemand).then(|| {
        group(
            Role::Scheduler,
            "StartMachine",
            &[("states:StartExecution", "StartExecution: Target of Schedule")],
            vec!["{machine-arn}".to_owned()],
        )
    })
}

/// What the instance needs to fetch the program, where it does.
pub(super) fn program(plan: &Plan<'_>) -> Option<Group> {
    let program = plan.spec.program.as_ref()?;
    let object = program.uri.trim_start_matches("s3://");
    Some(group(
        Role::Instance,
        "FetchProgram",
        &[("s3:GetObject", "GetObject: aws s3 cp of the script")],
        vec![format!("arn:{{partition}}:s3:::{object}")],
    ))
}

/// The ARN of the repository of an image in ECR: `ACCOUNT.dkr.ecr.REGION.…/NAME:TAG`.
fn ecr_repository(image: &str) -> Option<String> {
    let (host, name) = image.split_once('/')?;
    let (account, rest) = host.split_once(".dkr.ecr.")?;
    let region = rest.split('.').next()?;
    let name = name.split(['@', ':']).next()?;
    Some(format!("arn:{{partition}}:ecr:{region}:{account}:repository/{name}"))
}
