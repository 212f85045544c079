// Scheduled jobs: as a list, and what comes as a calendar.
import "./schedules.css";
import { useLocation } from "preact-iso";
import { may } from "../api/session";
import { PageHead } from "../ui/page-head";
import { pageOf } from "../ui/pager";
import { Tabs } from "../ui/tabs";
import { CalendarView } from "./calendar-view";
import { ScheduleList } from "./schedule-list";

const PATH = "/ui/schedules";

export default function SchedulesPage() {
  const { query } = useLocation();
  const isCalendar = query.view === "calendar";
  return (
    <>
      <PageHead title="Schedules">
        {may("submit") && (
          <a class="button" href="/ui/submit?example=schedule">
            New schedule
          </a>
        )}
      </PageHead>
      <Tabs
        label="Views"
        tabs={[
          { name: "List", href: PATH, isCurrent: !isCalendar },
          { name: "Calendar", href: `${PATH}?view=calendar`, isCurrent: isCalendar },
        ]}
      />
      {isCalendar ? (
        <CalendarView day={query.day ?? ""} span={query.span === "day" ? "day" : "week"} />
      ) : (
        <ScheduleList q={query.q ?? ""} state={query.state ?? ""} page={pageOf(query.page)} />
      )}
    </>
  );
}
